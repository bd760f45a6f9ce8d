import t, { type Test } from "tap";
import { ask } from "./support/client.ts";
import { type Front, type FrontOptions, startFront } from "./support/front.ts";
import { type HttpTarget, startTarget } from "./support/target.ts";

async function behind(
  t: Test,
  options: Omit<FrontOptions, "target"> = {},
): Promise<{ readonly front: Front; readonly target: HttpTarget }> {
  const target = await startTarget((_, response) => response.end("0123456789"));
  const front = await startFront({ target, ...options });
  t.teardown(async () => {
    await front.close();
    await target.stop();
  });
  return { front, target };
}

const REFUND = { method: "POST", path: "/api/v1/refunds", body: '{"amount":70}' } as const;
const HEADERS = { "content-type": "application/json", prefer: "respond-async" };

t.test(
  "a held request that its client does not wait for runs once, when it comes back approved",
  async (t) => {
    const { front, target } = await behind(t, { hold: ({ verbs }) => verbs.includes("POST") });
    const accepted = await ask(front, { ...REFUND, headers: HEADERS });
    t.equal(accepted.status, 202);
    const location = accepted.headers.location ?? "";
    t.match(location, /^\/\.gatehouse\/approvals\/apr_/);
    t.match(JSON.parse(accepted.body), { state: "pending" });
    const back = { ...HEADERS, "x-gatehouse-approval": location.split("/").at(-1) ?? "" };
    t.equal((await ask(front, { ...REFUND, headers: back })).status, 403, "too early");
    front.gate.waiting[0]?.approve();
    t.match(JSON.parse((await ask(front, { path: location })).body), { state: "approved" });
    t.equal((await ask(front, { ...REFUND, body: '{"amount":71}', headers: back })).status, 403);
    t.equal(target.requests.length, 0);
  },
);

t.test("the same request comes back", async (t) => {
  const { front, target } = await behind(t, { hold: ({ verbs }) => verbs.includes("POST") });
  const { headers } = await ask(front, { ...REFUND, headers: HEADERS });
  front.gate.waiting[0]?.approve();
  const back = { ...HEADERS, "x-gatehouse-approval": headers.location?.split("/").at(-1) ?? "" };
  const { status, body } = await ask(front, { ...REFUND, headers: back });
  t.same([status, body], [200, "0123456789"]);
  t.notOk(target.requests[0]?.headers["x-gatehouse-approval"]);
  t.match(front.gate.events.at(-1), { type: "outcome", outcome: "done" });
  t.equal((await ask(front, { ...REFUND, headers: back })).status, 403, "and once alone");
  t.equal(target.requests.length, 1);
});

t.test("the place of an approval takes a token, and shows nothing that is not there", async (t) => {
  const { front } = await behind(t);
  const path = "/.gatehouse/approvals/apr_0000000000000009";
  t.equal((await ask(front, { path })).status, 404);
  t.equal((await ask(front, { path, headers: { authorization: "Bearer other" } })).status, 401);
  t.equal((await ask(front, { path, headers: { authorization: "" } })).status, 401);
  t.equal((await ask(front, { path, method: "DELETE" })).status, 405);
});

t.test("a budget that is used up refuses, and says when to come back", async (t) => {
  const budget = { requests: "2/1h", bytes: "1GiB/1h" };
  const { front, target } = await behind(t, { settings: { budget } });
  for (let at = 0; at < 2; at++) t.equal((await ask(front, { path: "/api/" })).status, 200);
  const { status, headers, body } = await ask(front, { path: "/api/secret?key=k" });
  t.same([status, headers["retry-after"]], [429, "1800"]);
  t.match(JSON.parse(body), { code: "too_many", detail: /2 in 1h/ });
  t.match(
    front.gate.events.filter(({ type }) => type === "refused"),
    [{ refused: { text: "GET /secret", retryAfter: 1800 } }],
  );
  t.equal(target.requests.length, 2);
});

t.test("the bytes of both bodies are counted, and four of them are a token", async (t) => {
  for (const [budget, detail] of [
    [{ bytes: "20B/1h" }, /all bytes/],
    [{ tokens: "5/1h" }, /all tokens/],
  ] as const) {
    const { front } = await behind(t, { settings: { budget } });
    const post = { method: "POST", path: "/api/", body: "0123456789" };
    t.equal((await ask(front, post)).status, 200);
    const second = await ask(front, post);
    t.equal(second.status, 429);
    t.match(JSON.parse(second.body), { detail });
  }
});
