import { type Answered, callHttp, callStraight } from "./api-client.ts";
import type { Demo } from "./environment.ts";
import { gatehouse, waiting } from "./person.ts";
import { expect, type Step } from "./step.ts";

/** What the demo shows of HTTP. */
export const apiStory: readonly Step[] = [
  {
    shows: "http: a call that reads is answered: the API saw its own secret, which the agent never had",
    play: async (demo) => {
      const { AGENT_TOKEN: token = "" } = demo.variables;
      const straight = await callStraight(demo, { path: "/v1/orders", token });
      expect(straight.status === 401, `without its secret the API said ${told(straight)}`);
      const answered = await callHttp(demo, { path: "/v1/orders/1", token });
      expect(answered.status === 200 && answered.body.includes('"status":"paid"'), told(answered));
      const seen = demo.api.seen.at(-1);
      expect(seen?.path === "/v1/orders/1", `the API was asked for ${String(seen?.path)}`);
      expect(seen?.fields.includes(`Bearer ${demo.api.secret}`) === true, "the API did not see its secret");
      expect(!seen?.fields.some((field) => field.includes(token)), "the API saw the agent's token");
    },
  },
  {
    shows:
      "http: a DELETE is refused with 403, the rule's message and a reference, and never reaches the API",
    play: async (demo) => {
      const { WRITER_TOKEN: token = "" } = demo.variables;
      const answered = await callHttp(demo, { method: "DELETE", path: "/v1/orders/1", token });
      expect(answered.status === 403 && answered.type === "application/problem+json", told(answered));
      expect(answered.body.includes("Orders are kept."), told(answered));
      expect(answered.body.includes('"reference":"ref_'), told(answered));
      expect(!demo.api.seen.some(({ method }) => method === "DELETE"), "the API was asked");
    },
  },
  {
    shows: "http: a refund waits for a person: dana approves it, and it is made once",
    play: async (demo) => {
      const { WRITER_TOKEN: token = "" } = demo.variables;
      const asked = callHttp(demo, { method: "POST", path: "/v1/refunds", token, json: { order: 3 } });
      // It is looked at below; a step that fails before that must not leave it unheard.
      asked.catch(() => undefined);
      const held = await waiting(demo);
      expect(demo.api.refunds.length === 0, "it was made before anybody approved");
      const { code, stderr } = await gatehouse(demo, ["approve", held, "--reason", "It came back."]);
      expect(code === 0, stderr);
      const answered = await asked;
      expect(answered.status === 201, told(answered));
      expect(demo.api.refunds.join() === "3", `refunded were ${demo.api.refunds.join()}`);
    },
  },
  {
    shows: "http: a call without TLS is refused, and told what to change",
    play: async (demo) => {
      const before = demo.api.seen.length;
      const answered = await fetch(`${plain(demo)}/api/v1/orders`);
      const told = await answered.text();
      expect(answered.status === 400 && told.includes("https://"), `${answered.status}: ${told}`);
      expect(demo.api.seen.length === before, "the API was asked");
    },
  },
];

/** The gateway's HTTP listener, as somebody writes it who forgets TLS. */
function plain({ variables }: Demo): string {
  return (variables["GATEHOUSE_HTTP_URL"] ?? "").replace(/^https:/, "http:");
}

function told({ status, body }: Answered): string {
  return `${status}: ${body}`;
}
