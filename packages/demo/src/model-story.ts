import { callHttp } from "./api-client.ts";
import type { Demo } from "./environment.ts";
import { LEAKED } from "./model.ts";
import { expect, type Step } from "./step.ts";

/** What the demo shows of a model's API. */
export const modelStory: readonly Step[] = [
  {
    shows: "model: a stream comes as it is made, and a secret that is cut into tokens is masked in it",
    play: async (demo) => {
      const events = pieces((await ask(demo, { model: "demo-1", stream: true })).body);
      const said = events.join("");
      expect(said.startsWith("The job failed"), said);
      expect(said.includes(" [redacted] is not valid"), said);
      expect(events.length > 10, `it came in ${events.length} pieces`);
      // Nor any beginning of it.
      expect(!said.includes(LEAKED.slice(0, 6)), said);
    },
  },
  {
    shows: "model: personal data is taken out of a prompt before it leaves, and put back in what is answered",
    play: async (demo) => {
      const address = "anna.schmidt@example.com";
      const { status, body } = await ask(demo, { model: "demo-1", prompt: `Write to ${address}.` });
      expect(status === 200 && body.includes(`You said: Write to ${address}.`), body);
      const seen = demo.model.asked.at(-1) ?? "";
      expect(seen.includes("Write to ") && !seen.includes("anna"), seen);
    },
  },
  {
    shows: "model: another model is refused, in the words that OpenAI's clients know",
    play: async (demo) => {
      const before = demo.model.asked.length;
      const { status, body } = await ask(demo, { model: "demo-2" });
      expect(status === 403 && /"error":\{"message":"[^"]+ref_/.test(body), `${status}: ${body}`);
      expect(demo.model.asked.length === before, "the model was asked");
    },
  },
];

function ask(
  demo: Demo,
  {
    model,
    stream = false,
    prompt = "Why has the job failed?",
  }: { model: string; stream?: boolean; prompt?: string },
) {
  const { AGENT_TOKEN: token = "" } = demo.variables;
  const messages = [{ role: "user", content: prompt }];
  return callHttp(demo, {
    ...{ target: "model", method: "POST", path: "/v1/chat/completions", token },
    json: { model, messages, stream },
  });
}

/** The pieces of text in a stream of events. */
function pieces(events: string): readonly string[] {
  return events.split("\n\n").flatMap((event) => {
    const [, content] = /"content":("(?:[^"\\]|\\.)*")/.exec(event) ?? [];
    return content === undefined ? [] : [String(JSON.parse(content))];
  });
}
