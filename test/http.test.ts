import { execFile } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Gateway } from "@gatehouse/gateway";
import { createMemoryLog } from "@gatehouse/testkit";
import t from "tap";
import { auditLines, verifyState } from "./environment.ts";
import { httpSite } from "./http-site.ts";

/* An API behind the whole gateway: an agent with a token of its provider's, rules on what requests are, and the audit log of it all. */

const SECRET = "the-key-that-the-api-knows";

const POLICY = `policy: orders by HTTP
who: { groups: [crew-analyst] }
targets: [api]
rules:
  - allow: reads
    when: http.access == "read"
  - allow: small refunds
    when: http.route == "/orders/{id}/refunds" && http.method == "POST" && http.params.id != "1" && http.json.amount <= 100
  - allow: drafts
    when: http.method == "PUT" && "x-draft" in http.headers && http.headers["x-draft"] == "yes"
  - block: exports
    when: http.path.startsWith("/export")
    message: Exports are made by the desk.
`;

const caseOf = (name: string, statement: string, expected: string) => `  - case: ${name}
    who: { groups: [crew-analyst] }
    target: api
    level: default
    statement: ${JSON.stringify(statement)}
    expect: ${expected}
`;
const CASES = `cases:
${caseOf("they read", "GET /orders/7", "{ effect: allow, rule: reads }")}\
${caseOf("small sums", 'POST /orders/7/refunds\n\n{"amount":5}', "{ effect: allow, rule: small refunds }")}\
${caseOf("large sums", 'POST /orders/7/refunds\n\n{"amount":500}', "{ effect: block, rule: null }")}\
${caseOf("drafts", "PUT /x\nX-Draft: yes", "{ effect: allow, rule: drafts }")}\
${caseOf("exports", "GET /export/all", "{ effect: block, rule: exports }")}`;

const asked: string[] = [];
const api = createServer((incoming, response) => {
  asked.push(`${incoming.method} ${incoming.url} ${incoming.headers.authorization}`);
  incoming.pipe(response);
});
api.listen(0, "127.0.0.1");
await once(api, "listening");
t.teardown(() => {
  api.close();
  api.closeAllConnections();
});

const site = await httpSite(t, {
  policy: POLICY,
  secret: SECRET,
  clients: [{ name: "crew-analyst", groups: ["crew-analyst"] }],
  people: [{ name: "dana", groups: ["dba"] }],
});
const { folder, ca, provider, policyFile, configFile } = site;
const CONFIG = site.configOf(`  api:
    protocol: http
    address: 127.0.0.1:${(api.address() as AddressInfo).port}
    tls: { mode: off }
    inject: bearer
    routes: ["/orders/{id}/refunds", "/orders/{id}"]
    secret: [card]
    levels:
      default: { credential: { password: file:api-key } }
`);
await writeFile(configFile, CONFIG);
const gateway = await Gateway.start({ configFile, log: createMemoryLog() });
t.teardown(() => gateway.stop("test ended"));
const state = join(folder, "state");
const token = await provider.token("crew-analyst");

interface Asking {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly as?: string;
}

async function ask(method: string, path: string, { body, headers = {}, as = token }: Asking = {}) {
  const asking = request({
    ...{ host: "localhost", port: gateway.port("http"), ca, method, path },
    headers: {
      authorization: `Bearer ${as}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
  });
  asking.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  let text = "";
  for await (const part of response) text += String(part);
  return { status: response.statusCode, text };
}

t.test("rules see what a request is, and the API sees the gateway's key alone", async (t) => {
  t.equal((await ask("GET", "/api/orders/7?full=1")).status, 200);
  t.equal(asked.at(-1), `GET /orders/7?full=1 Bearer ${SECRET}`);
  const refund = (id: number, amount: unknown) =>
    ask("POST", `/api/orders/${id}/refunds`, { body: { amount, card: "4111" } });
  t.match(await refund(7, 50), { status: 200, text: '{"amount":50,"card":"4111"}' });
  for (const [id, amount] of [
    [7, 500],
    [1, 50],
    [7, "50"],
  ] as const)
    t.equal((await refund(id, amount)).status, 403);
  t.equal((await ask("PUT", "/api/x", { body: {}, headers: { "x-draft": "yes" } })).status, 200);
  t.equal((await ask("PUT", "/api/x", { body: {} })).status, 403);
  t.match(await ask("GET", "/api/%65xport/all"), { status: 403, text: /Exports are made by the desk/ });
  t.match(await ask("GET", "/api/a/..//export/all"), { status: 403, text: /Exports are made by the desk/ });
  t.equal(asked.length, 3);
});

t.test("who is not let in learns that, and nothing of what there is", async (t) => {
  t.equal((await ask("GET", "/api/", { as: "none" })).status, 401);
  const stranger = await provider.token("dana");
  const [there, not] = await Promise.all([
    ask("GET", "/api/", { as: stranger }),
    ask("GET", "/nowhere/", { as: stranger }),
  ]);
  t.equal(there.status, not.status);
  t.equal(asked.length, 3);
});

t.test("a reload brings other rules to a client that is connected", async (t) => {
  await writeFile(policyFile, POLICY.replace('http.access == "read"', 'http.path == "/ping"'));
  await gateway.reload();
  t.equal((await ask("GET", "/api/orders/7")).status, 403);
  t.equal((await ask("GET", "/api/ping")).status, 200);
  await writeFile(policyFile, POLICY);
  await gateway.reload();
});

t.test("what was asked is on the audit log, and no secret is in the state folder", async (t) => {
  const refusal = await ask("DELETE", "/api/orders/7");
  const { reference } = JSON.parse(refusal.text) as { reference: string };
  const lines = await auditLines(state);
  const [decision] = lines.filter((line) => JSON.stringify(line).includes(reference));
  t.match(decision, { command: { verbs: ["DELETE"], resources: ["/orders/{id}"] } });
  t.ok(lines.some(({ type }) => type === "session.opened"));
  t.match(await verifyState(state), { ok: true });
  const files = await readdir(state, { recursive: true, withFileTypes: true });
  const signature = token.split(".")[2] ?? token;
  for (const file of files.filter((entry) => entry.isFile())) {
    const text = await readFile(join(file.parentPath, file.name), "latin1");
    for (const secret of [SECRET, signature, "4111"]) t.notOk(text.includes(secret), file.name);
  }
});

t.test("policies are explained and tested with requests as text", async (t) => {
  const explain = (text: string) =>
    gatehouse(
      "policy",
      "explain",
      "--config",
      configFile,
      "--target",
      "api",
      "--level",
      "default",
      "--group",
      "crew-analyst",
      text,
    );
  t.match(await explain('POST /orders/7/refunds\n\n{"amount":50}'), /small refunds/);
  t.match(await explain("GET /export/all"), /exports/);
  await writeFile(join(folder, "policies", "api.test.yaml"), CASES);
  t.match(
    await gatehouse("policy", "test", "--config", configFile, "--every-rule"),
    /5 cases: 5 passed; 4 of 4/,
  );
});

/** What the command says, however it ends. */
function gatehouse(...args: string[]): Promise<string> {
  const program = join(import.meta.dirname, "..", "packages", "cli", "bin", "gatehouse.js");
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], (_, out, err) => resolve(out + err));
  });
}
