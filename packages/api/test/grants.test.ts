import { type ErrorCode, GatehouseError } from "@gatehouse/core";
import { sampleGrant } from "@gatehouse/testkit";
import t from "tap";
import { ask, askAs, environment } from "./environment.ts";

const id = "grt_0123456789ABCDEF";

t.test("access is asked for, and the answer is the approval that it waits for", async (t) => {
  const env = await environment(t);
  const body = { target: "orders", level: "writer", for: 1800, reason: " INC-1234 " };
  const { status, body: approval } = await askAs(env, "agent-7", "/v1/requests", { method: "POST", body });
  t.equal(status, 200);
  t.match(approval, {
    id: /^apr_/,
    state: "pending",
    requester: { subject: "agent-7" },
    session: { id: "" },
    command: { kind: "access", text: "access to orders as writer for 30m" },
    reason: "INC-1234",
  });
  t.match(env.grants.requests, [
    {
      target: "orders",
      level: "writer",
      lasts: 1_800_000,
      reason: "INC-1234",
      client: { host: "127.0.0.1" },
    },
  ]);
  const short = await askAs(env, "agent-7", "/v1/requests", {
    method: "POST",
    body: { target: "orders", level: "writer" },
  });
  t.equal(short.status, 200);
  t.equal(env.grants.requests.at(-1)?.lasts, undefined);
});

t.test("a request that can't be read is refused, and nothing is asked for", async (t) => {
  const env = await environment(t);
  const good = { target: "orders", level: "writer" };
  const bodies = [
    undefined,
    {},
    { target: "orders" },
    { ...good, for: 59 },
    { ...good, for: 90_000 },
    { ...good, for: "30m" },
    { ...good, for: 90.5 },
    { ...good, reason: "two\nlines" },
    { ...good, reason: "turned \u202e around" },
    { ...good, reason: "x".repeat(501) },
    { ...good, target: "x".repeat(64) },
    { ...good, as: "admin" },
  ];
  for (const body of bodies) {
    const answer = await askAs(env, "agent-7", "/v1/requests", { method: "POST", body });
    t.match(answer, { status: 400, body: { error: { code: "REQUEST_INVALID" } } }, JSON.stringify(body));
  }
  t.same(env.grants.requests, []);
});

t.test("grants are listed, shown and taken back", async (t) => {
  const env = await environment(t);
  const from = Date.UTC(2026, 0, 2, 3, 4, 5);
  env.grants.grants.set(id, sampleGrant({ from, until: from + 3_600_000 }));
  const shown = {
    id,
    holder: { subject: "agent-7" },
    target: "orders",
    level: "writer",
    from: "2026-01-02T03:04:05.000Z",
    until: "2026-01-02T04:04:05.000Z",
    approval: "apr_0123456789ABCDEF",
    by: [{ subject: "ann" }],
    reason: "ticket 4711",
  };
  t.match(await askAs(env, "ann", "/v1/grants"), { status: 200, body: { grants: [shown] } });
  const one = await askAs(env, "ann", `/v1/grants/${id}`);
  t.match(one, { status: 200, body: shown });
  t.notOk(JSON.stringify(one.body).includes("revoked"));
  const body = { reason: "the work is done" };
  const revoked = await askAs(env, "bob", `/v1/grants/${id}/revoke`, { method: "POST", body });
  t.match(revoked, { status: 200, body: { revoked: { by: { subject: "bob" }, ...body } } });
  t.match(await askAs(env, "ann", "/v1/grants"), { body: { grants: [] } });
  t.match(await askAs(env, "ann", `/v1/grants/${id}`), { body: { revoked: { by: { subject: "bob" } } } });
});

t.test("each error of the desk has its status, and its words reach whoever asks", async (t) => {
  const env = await environment(t);
  const cases: readonly (readonly [ErrorCode, number, string, "GET" | "POST"])[] = [
    ["GRANT_UNKNOWN", 404, `/v1/grants/${id}`, "GET"],
    ["GRANT_UNKNOWN", 404, `/v1/grants/${id}/revoke`, "POST"],
    ["GRANT_ENDED", 409, `/v1/grants/${id}/revoke`, "POST"],
    ["GRANT_NOT_NEEDED", 409, "/v1/requests", "POST"],
    ["APPROVAL_REASON", 422, "/v1/requests", "POST"],
    ["REQUEST_LIMITED", 429, "/v1/requests", "POST"],
  ];
  for (const [code, status, path, method] of cases) {
    env.grants.failure = new GatehouseError(code, "In words.", { hint: "What to do." });
    const body = path === "/v1/requests" ? { body: { target: "orders", level: "writer" } } : {};
    t.match(
      await askAs(env, "ann", path, { method, ...body }),
      { status, body: { error: { code, message: "In words.", hint: "What to do." } } },
      `${code} ${path}`,
    );
  }
  t.match(await askAs(env, "ann", "/v1/grants/grt_nonsense"), { status: 400 });
});

t.test("without a token there is nothing to ask for, and nothing to see", async (t) => {
  const env = await environment(t);
  env.grants.grants.set(id, sampleGrant());
  for (const [method, path] of [
    ["POST", "/v1/requests"],
    ["GET", "/v1/grants"],
    ["GET", `/v1/grants/${id}`],
    ["POST", `/v1/grants/${id}/revoke`],
  ] as const) {
    t.match(await ask(env, path, { method }), { status: 401, body: { error: { code: "IDENTITY_INVALID" } } });
  }
  t.same(env.grants.requests, []);
  t.equal(env.grants.grants.get(id)?.revoked, undefined);
});

t.test("an address asks and takes back no more often than it may answer", async (t) => {
  const env = await environment(t);
  const body = { target: "orders", level: "writer" };
  let limited: unknown;
  for (let asked = 0; asked < 100 && limited === undefined; asked++) {
    const answer = await askAs(env, "agent-7", "/v1/requests", { method: "POST", body });
    if (answer.status !== 200) limited = answer;
  }
  t.match(limited, { status: 429, headers: { "retry-after": /^\d+$/ } });
  t.match(await askAs(env, "ann", `/v1/grants/${id}/revoke`, { method: "POST" }), { status: 429 });
});
