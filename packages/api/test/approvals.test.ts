import { GatehouseError, type ErrorCode } from "@gatehouse/core";
import { sampleApproval } from "@gatehouse/testkit";
import t from "tap";
import { ask, askAs, environment } from "./environment.ts";

const id = "apr_0123456789ABCDEF";
const numbered = (number: number) => `apr_${String(number).padStart(16, "0")}`;

t.test("what waits is listed, the newest first, page by page", async (t) => {
  const env = await environment(t);
  for (let number = 1; number <= 5; number++) env.desk.put(sampleApproval({ id: numbered(number) }));
  env.desk.put(sampleApproval({ id: numbered(6), state: "denied" }));
  const ids = ({ body }: { body: unknown }) =>
    (body as { approvals: { id: string }[] }).approvals.map((approval) => approval.id);
  t.strictSame(ids(await askAs(env, "ann", "/v1/approvals")), [6, 5, 4, 3, 2, 1].map(numbered));
  const first = await askAs(env, "ann", "/v1/approvals?state=pending&limit=2");
  t.match(first, { status: 200, body: { next: numbered(4) } });
  t.strictSame(ids(first), [5, 4].map(numbered));
  const second = await askAs(env, "ann", `/v1/approvals?state=pending&limit=3&before=${numbered(4)}`);
  t.notMatch(second, { body: { next: /./ } });
  t.strictSame(ids(second), [3, 2, 1].map(numbered));
  const both = await askAs(env, "ann", "/v1/approvals?state=denied&state=expired");
  t.strictSame(ids(both), [numbered(6)]);
});

t.test("times are ISO 8601, and lengths of time are seconds", async (t) => {
  const env = await environment(t);
  const requestedAt = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  const [hold] = sampleApproval().holds;
  const holds = [{ ...hold, scope: { same: "shape", for: 90_500 } }] as const;
  env.desk.put(sampleApproval({ requestedAt, holds }));
  t.match(await askAs(env, "ann", `/v1/approvals/${id}`), {
    status: 200,
    body: {
      requestedAt: "2026-01-02T03:04:05.678Z",
      session: { client: "10.0.0.7:5123" },
      holds: [{ expires: 600, scope: { same: "shape", for: 90.5 }, unanswered: "refuse" }],
    },
  });
});

t.test("whoever came with a certificate is shown with what that rests on", async (t) => {
  const env = await environment(t);
  const { requester } = sampleApproval();
  const proof = { ...requester.proof, method: "ssh-certificate", key: "SHA256:abc", serial: "7" } as const;
  env.desk.put(sampleApproval({ requester: { ...requester, proof } }));
  const { body } = await askAs(env, "ann", `/v1/approvals/${id}`);
  t.match(body, { requester: { proof: { method: "ssh-certificate", key: "SHA256:abc", serial: "7" } } });
});

t.test("a long command is cut in a list, and whole by itself", async (t) => {
  const env = await environment(t);
  const { command } = sampleApproval();
  const text = `SELECT '${"x".repeat(100_000)}'`;
  const parameters = Array.from({ length: 30 }, () => "y".repeat(1_000));
  const runs = [text];
  env.desk.put(sampleApproval({ command: { ...command, text, parameters, runs } }));
  const { body } = await askAs(env, "ann", "/v1/approvals");
  t.match(body, { approvals: [{ command: { cut: true } }] });
  t.ok(JSON.stringify(body).length < 10_000);
  t.match(await askAs(env, "ann", `/v1/approvals/${id}`), {
    body: { command: { cut: false, text, parameters, runs } },
  });
});

t.test("values that masks hide from whoever asks are in no answer to them", async (t) => {
  const env = await environment(t);
  const { command } = sampleApproval();
  env.desk.put(sampleApproval({ command: { ...command, runs: ["SELECT 'of last year'"] } }));
  env.desk.withheldFrom.add("bob");
  for (const path of ["/v1/approvals", `/v1/approvals/${id}`]) {
    t.match(JSON.stringify((await askAs(env, "ann", path)).body), "1 year");
    const { body } = await askAs(env, "bob", path);
    t.notMatch(JSON.stringify(body), /1 year|last year/);
    t.match(JSON.stringify(body), '"withheld":true');
    t.match(JSON.stringify(body), '"text":null,"parameters":null,"runs":null');
  }
});

t.test("a yes and a no take effect, with and without a word of why", async (t) => {
  const env = await environment(t);
  env.desk.put(sampleApproval({ id: numbered(1) }));
  env.desk.put(sampleApproval({ id: numbered(2) }));
  t.match(
    await askAs(env, "ann", `/v1/approvals/${numbered(1)}/approve`, {
      method: "POST",
      body: { reason: "ok" },
    }),
    {
      status: 200,
      body: { state: "approved", answers: [{ by: { subject: "ann" }, answer: "approve", reason: "ok" }] },
    },
  );
  t.match(await askAs(env, "ann", `/v1/approvals/${numbered(2)}/deny`, { method: "POST" }), {
    status: 200,
    body: { state: "denied", answers: [{ by: { subject: "ann" }, answer: "deny" }] },
  });
});

t.test("an answer that does not count says why, and changes nothing", async (t) => {
  const env = await environment(t);
  env.desk.put(sampleApproval());
  const approve = { method: "POST" };
  const unknown = `/v1/approvals/${numbered(9)}`;
  t.match(await askAs(env, "ann", unknown), { status: 404, body: { error: { code: "APPROVAL_UNKNOWN" } } });
  t.match(await askAs(env, "ann", `${unknown}/approve`, approve), { status: 404 });
  t.match(await askAs(env, "agent-7", `/v1/approvals/${id}/approve`, approve), {
    status: 403,
    body: { error: { code: "APPROVAL_OWN", message: "Nobody answers for their own command." } },
  });
  const rejections: [ErrorCode, number][] = [
    ["APPROVAL_ANSWERED", 409],
    ["APPROVAL_ENDED", 409],
    ["APPROVAL_NOT_YOURS", 403],
    ["APPROVAL_REASON", 422],
  ];
  for (const [code, status] of rejections) {
    env.desk.failure = new GatehouseError(code, "Not so.", { hint: "Do otherwise." });
    t.match(await askAs(env, "ann", `/v1/approvals/${id}/deny`, approve), {
      status,
      body: { error: { code, message: "Not so.", hint: "Do otherwise." } },
    });
  }
  t.equal(env.desk.approvals.get(id)?.state, "pending");
});

t.test("trouble of the gateway's own is told by a reference alone", async (t) => {
  const env = await environment(t);
  const troubles: [Error, number, string][] = [
    [new GatehouseError("AUDIT_FAILED", "/var/lib is full"), 503, "AUDIT_FAILED"],
    [new GatehouseError("STORE_FAILED", "/var/lib is full"), 503, "STORE_FAILED"],
    [new GatehouseError("PERMIT_INVALID", "/var/lib is full"), 500, "INTERNAL"],
    [new Error("/var/lib is full"), 500, "INTERNAL"],
  ];
  for (const [failure, status, code] of troubles) {
    env.desk.failure = failure;
    const answer = await askAs(env, "ann", `/v1/approvals/${id}/approve`, { method: "POST" });
    t.match(answer, { status, body: { error: { code, reference: /^ref_/ } } });
    t.notMatch(JSON.stringify(answer.body), "/var/lib");
    const { reference } = (answer.body as { error: { reference: string } }).error;
    const logged = env.log.entries.find(
      ({ fields }) => "reference" in fields && fields.reference === reference,
    );
    t.match(
      logged,
      { level: "error", fields: { client: "127.0.0.1", error: failure } },
      "the operator finds it",
    );
  }
});

t.test("a request that makes no sense is refused before the desk is asked", async (t) => {
  const env = await environment(t);
  const said = { status: 400, body: { error: { code: "REQUEST_INVALID" } } };
  env.desk.failure = new Error("the desk was asked");
  for (const path of [
    "/v1/approvals?state=open",
    "/v1/approvals?limit=0",
    "/v1/approvals?limit=101",
    "/v1/approvals?limit=many",
    "/v1/approvals?before=apr_1",
    "/v1/approvals?sort=age",
    "/v1/approvals/apr_0123456789abcdef",
    "/v1/approvals/apr_0123456789ABCDEF%0A",
  ])
    t.match(await askAs(env, "ann", path), said, path);
  for (const body of [{ reason: 5 }, { resaon: "typo" }, ["reason"], "reason"]) {
    const answer = await askAs(env, "ann", `/v1/approvals/${id}/approve`, { method: "POST", body });
    t.match(answer, said, JSON.stringify(body));
  }
  const headers = { "last-event-id": "x".repeat(101) };
  t.match(await askAs(env, "ann", "/v1/approvals/events", { headers }), said);
  const authorization = `Bearer ${await env.provider.token("ann")}`;
  const post = (type: string, text: string) =>
    ask(
      env,
      `/v1/approvals/${id}/approve`,
      { method: "POST", headers: { authorization, "content-type": type } },
      text,
    );
  t.match(await post("application/json", "{"), said);
  t.match(await post("application/xml", "<x/>"), {
    status: 415,
    body: { error: { code: "REQUEST_INVALID" } },
  });
  t.match(await post("application/json", JSON.stringify("x".repeat(64 * 1024))), { status: 413 });
  t.match(await askAs(env, "ann", "/v1/approvals", { method: "DELETE" }), { status: 404 });
});

t.test("nothing is told to whoever has no token that holds", async (t) => {
  const env = await environment(t);
  env.desk.put(sampleApproval());
  const paths: [string, string][] = [
    ["GET", "/v1/approvals"],
    ["GET", `/v1/approvals/${id}`],
    ["GET", "/v1/approvals/events"],
    ["GET", "/v1/openapi.json"],
    ["POST", `/v1/approvals/${id}/approve`],
    ["POST", `/v1/approvals/${id}/deny`],
  ];
  for (const [method, path] of paths) {
    t.match(await ask(env, path, { method }), {
      status: 401,
      body: { error: { code: "IDENTITY_INVALID" } },
      headers: { "www-authenticate": 'Bearer realm="gatehouse"' },
    });
  }
  const token = await env.provider.token("ann");
  for (const authorization of [
    "Bearer x.y.z",
    `Basic ${token}`,
    `Bearer ${token}x`,
    `Bearer ${token} ${token}`,
    `Bearer ${token.split(".").slice(0, 2).join(".")}.`,
  ])
    t.match(await ask(env, "/v1/approvals", { headers: { authorization } }), {
      status: 401,
      headers: { "www-authenticate": 'Bearer realm="gatehouse", error="invalid_token"' },
    });
  t.equal(env.desk.approvals.get(id)?.state, "pending");
});

t.test("what is wrong with a token is not told in the provider's words", async (t) => {
  const env = await environment(t, { providerIsDown: true });
  const header = Buffer.from('{"alg":"ES256","kid":"k"}').toString("base64url");
  const claims = Buffer.from(JSON.stringify({ iss: env.provider.issuer })).toString("base64url");
  const authorization = `Bearer ${header}.${claims}.c2ln`;
  const answer = await ask(env, "/v1/approvals", { headers: { authorization } });
  t.match(answer, { status: 503, body: { error: { code: "IDENTITY_UNAVAILABLE" } } });
  t.notMatch(JSON.stringify(answer.body), /ECONNREFUSED|127\.0\.0\.1/);
});

t.test("whoever guesses tokens is slowed down, and keeps nobody out who has a good one", async (t) => {
  const env = await environment(t);
  const authorization = `Bearer ${await env.provider.token("ann")}`;
  const ann = () => ask(env, "/v1/approvals", { headers: { authorization } });
  t.match(await ann(), { status: 200 });
  let last = await ask(env, "/v1/approvals");
  for (let tries = 0; tries < 200 && last.status === 401; tries++) last = await ask(env, "/v1/approvals");
  t.match(last, {
    status: 429,
    body: { error: { code: "REQUEST_LIMITED" } },
    headers: { "retry-after": "1" },
  });
  t.match(await ann(), { status: 200 });
});

t.test("a callback reaches the desk byte by byte, whatever its type", async (t) => {
  const env = await environment(t);
  env.desk.put(sampleApproval());
  const send = (body: Buffer, headers: Record<string, string>) =>
    ask(env, "/v1/callbacks/chat", { method: "POST", headers }, body);
  const bytes = Buffer.from([0x7b, 0x00, 0xff, 0x0d, 0x0a]);
  for (const type of ["application/json", "application/x-www-form-urlencoded", "text/plain", "x/y"]) {
    t.match(await send(bytes, { "x-signature": "good", "content-type": type }), {
      status: 200,
      body: { approval: id, state: "pending" },
    });
    t.strictSame(env.desk.lastCallback, { name: "chat", body: bytes });
  }
  t.match(await send(Buffer.alloc(0), { "x-signature": "good" }), { status: 200 });
  t.equal(env.desk.lastCallback?.body.length, 0);
  t.match(await send(Buffer.alloc(64 * 1024 + 1), { "x-signature": "good" }), { status: 413 });
});

t.test("a callback that is refused is not told why, and one that forges is slowed down", async (t) => {
  const env = await environment(t);
  env.desk.put(sampleApproval());
  const send = () => ask(env, "/v1/callbacks/chat", { method: "POST" }, "{}");
  const [code, status] = ["CALLBACK_REPLAYED", 409] as const;
  env.desk.failure = new GatehouseError(code, "Seen at 10:15.");
  t.match(await send(), { status, body: { error: { code, message: "The callback was taken before." } } });
  let last = await send();
  t.match(last, { status: 401, body: { error: { code: "CALLBACK_REFUSED" } } });
  t.notMatch(JSON.stringify(last.body), "third byte");
  for (let tries = 0; tries < 200 && last.status === 401; tries++) last = await send();
  t.match(last, { status: 429 });
});

t.test("no answer is for others to keep, to guess at or to frame", async (t) => {
  const env = await environment(t);
  env.desk.put(sampleApproval());
  const answers = [
    await askAs(env, "ann", "/v1/approvals"),
    await ask(env, "/v1/approvals"),
    await ask(env, "/nowhere"),
    await ask(env, "/healthz"),
  ];
  for (const { headers } of answers) {
    t.match(headers, { "cache-control": "no-store", "x-content-type-options": "nosniff" });
    t.notOk("access-control-allow-origin" in headers);
  }
});
