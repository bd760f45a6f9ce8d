import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Gateway } from "@gatehouse/gateway";
import { createMemoryLog } from "@gatehouse/testkit";
import t from "tap";
import { verifyState } from "./environment.ts";
import { httpSite } from "./http-site.ts";

/* Requests that wait for people without their clients, at the whole gateway: what is run, how often, and for whom. */

const POLICY = `policy: refunds
who: { groups: [crew] }
targets: [api, billing]
rules:
  - allow: reads
    when: http.access == "read"
  - hold: refunds
    when: http.method == "POST"
    approvers: { groups: [dba] }
    expires: 15m
`;

const ran: string[] = [];
const api = createServer((incoming, response) => {
  ran.push(`${incoming.method} ${incoming.url}`);
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
  secret: "the-key-that-the-api-knows",
  clients: [
    { name: "crew-ops", groups: ["crew"] },
    { name: "crew-other", groups: ["crew", "dba"] },
  ],
  people: [{ name: "dana", groups: ["dba"] }],
});
const { folder, ca, provider, policyFile, configFile } = site;
const target = (name: string) => `  ${name}:
    protocol: http
    address: 127.0.0.1:${(api.address() as AddressInfo).port}
    tls: { mode: off }
    credential: { password: file:api-key }
    levels: { default: {}, admin: {} }
`;
await writeFile(configFile, site.configOf(target("api") + target("billing")));
let gateway = await Gateway.start({ configFile, log: createMemoryLog() });
t.teardown(() => gateway.stop("test ended"));
const token = await provider.token("crew-ops");

interface Asking {
  readonly method?: string;
  readonly path?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly as?: string;
  readonly approval?: string;
}

/** Each on a connection of its own. */
async function send({
  method = "POST",
  path = "/api/refunds?dry=0",
  body = '{"amount":70}',
  headers = {},
  as = token,
  approval,
}: Asking = {}) {
  const asking = request({
    ...{ host: "localhost", port: gateway.port("http"), ca, method, path },
    agent: false,
    headers: {
      ...{ authorization: `Bearer ${as}`, prefer: "respond-async", "content-type": "application/json" },
      ...headers,
      ...(approval === undefined ? {} : { "x-gatehouse-approval": approval }),
    },
  });
  asking.end(method === "GET" ? undefined : body);
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  let text = "";
  for await (const part of response) text += String(part);
  return { status: response.statusCode, location: response.headers.location ?? "", text };
}

const look = (approval: string, as = token) =>
  send({ method: "GET", path: `/.gatehouse/approvals/${approval}`, as });

async function stateOf(approval: string): Promise<unknown> {
  const { text } = await look(approval);
  return (JSON.parse(text) as { readonly state?: unknown }).state;
}

/** Asks for a refund. @returns the approval's id */
async function ask(approved = true): Promise<string> {
  const { status, location } = await send();
  if (status !== 202) throw new Error(`it was answered with ${status}`);
  const approval = location.split("/").at(-1) ?? "";
  if (approved) await answer(approval, "dana", "approve");
  return approval;
}

async function answer(approval: string, who: string, said: "approve" | "deny"): Promise<void> {
  const viewer = await gateway.authenticate({ token: await provider.token(who) });
  await gateway.approvals.answer(viewer, approval, { answer: said });
}

t.beforeEach(() => {
  ran.length = 0;
});

t.test("approved, it runs once, of however many that are sent at once", async (t) => {
  const approval = await ask(false);
  t.equal(await stateOf(approval), "pending");
  t.equal((await send({ approval })).status, 403, "too early");
  await answer(approval, "dana", "approve");
  t.equal(await stateOf(approval), "approved");
  const answers = await Promise.all(Array.from({ length: 8 }, () => send({ approval })));
  t.same(answers.map(({ status }) => status).sort(), [200, ...Array.from({ length: 7 }, () => 403)]);
  t.same(ran, ["POST /refunds?dry=0"]);
  t.equal(await stateOf(approval), "spent");
});

t.test("nobody else has any use of it", async (t) => {
  const approval = await ask();
  const other = await provider.token("crew-other");
  t.equal((await look(approval, other)).status, 404);
  t.equal((await look(approval, await provider.token("dana"))).status, 404);
  t.equal((await look(approval, "none")).status, 401);
  t.equal((await send({ approval, as: other })).status, 403);
  t.same(ran, []);
  t.equal(
    (await send({ approval, as: await provider.token("crew-ops") })).status,
    200,
    "a new token is enough",
  );
});

t.test("nobody approves their own", async (t) => {
  const other = await provider.token("crew-other");
  const { location } = await send({ as: other });
  const approval = location.split("/").at(-1) ?? "";
  await t.rejects(answer(approval, "crew-other", "approve"), { code: "APPROVAL_OWN" });
  t.equal((await send({ approval, as: other })).status, 403);
  t.same(ran, []);
});

t.test("what is not the same request does not run", async (t) => {
  const approval = await ask();
  for (const changed of [
    ...[
      { path: "/admin@api/refunds?dry=0" },
      { path: "/billing/refunds?dry=0" },
      { path: "/api/refunds?dry=1" },
    ],
    ...[{ path: "/api/refunds/?dry=0" }, { method: "PUT" }, { body: '{"amount":7000}' }, { body: "" }],
    ...[{ headers: { "x-more": "1" } }, { headers: { prefer: "wait=1" } }],
  ])
    t.equal((await send({ approval, ...changed })).status, 403, JSON.stringify(changed));
  t.equal((await send({ approval: "apr_0000000000000000" })).status, 403);
  t.equal((await send({ approval: "../x" })).status, 403);
  t.same(ran, []);
  t.equal((await send({ approval })).status, 200);
});

t.test("after a no it does not run", async (t) => {
  const approval = await ask(false);
  await answer(approval, "dana", "deny");
  t.match(await send({ approval }), { status: 403, text: /Denied by dana/ });
  t.equal(await stateOf(approval), "denied");
  t.same(ran, []);
});

t.test("other rules, and another start of the gateway, take the yes away", async (t) => {
  const approval = await ask();
  const kept = await ask();
  await writeFile(policyFile, POLICY.replace("expires: 15m", "expires: 10m"));
  await gateway.reload();
  t.equal((await send({ approval })).status, 403);
  await writeFile(policyFile, POLICY);
  await gateway.reload();
  t.equal((await send({ approval })).status, 403);
  t.equal(await stateOf(approval), "void");

  await gateway.stop("to be started again");
  gateway = await Gateway.start({ configFile, log: createMemoryLog() });
  t.equal(await stateOf(kept), "void");
  t.match(await send({ approval: kept }), { status: 503, text: /was shut down/ });
  t.same(ran, []);
  t.match(await verifyState(join(folder, "state")), { ok: true });
});
