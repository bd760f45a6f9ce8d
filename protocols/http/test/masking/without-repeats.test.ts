import t from "tap";
import { apis } from "../../src/api/index.ts";
import { answerSteps } from "../../src/masking/answer-steps.ts";
import { detecting } from "./detecting.ts";
import { CANARY, contacts, maskOf } from "./masks.ts";
import { inPieces, through } from "./support.ts";

const steps = answerSteps(detecting, apis.openai);

t.test("an answer that is not streamed does not say token by token what is hidden in its text", async (t) => {
  const tokens = ["anna", ".keller", "@example", ".com"];
  const said = (logprobs: unknown, content: string, data: string) =>
    JSON.stringify({
      choices: [{ message: { content, audio: { id: "a", data } }, logprobs, finish_reason: "stop" }],
    });
  const content = tokens.map((token) => ({
    token,
    bytes: [...Buffer.from(token)],
    top_logprobs: [{ token }],
  }));
  const body = Buffer.from(said({ content }, `ask ${CANARY}`, "AAAA"));
  for (const size of [1, 50, 5000]) {
    const out = await through((next) => steps.json([contacts], "one", next), inPieces(body, size));
    t.equal(out.toString(), said(null, "ask [redacted]", ""));
  }
  const legacy = Buffer.from(JSON.stringify({ choices: [{ text: CANARY, logprobs: { tokens } }] }));
  const out = await through((next) => steps.json([contacts], "one", next), [legacy]);
  t.equal(out.toString(), '{"choices":[{"text":"[redacted]","logprobs":null}]}');
});

t.test("what a path hides is hidden as it says", async (t) => {
  const hiding = maskOf({ fields: ["$..logprobs"], with: { kind: "constant", value: "gone" } });
  const out = await through(
    (next) => steps.json([hiding], "one", next),
    [Buffer.from('{"logprobs":[1],"a":2}')],
  );
  t.equal(out.toString(), '{"logprobs":"gone","a":2}');
});
