import { execFile } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import t from "tap";
import { eventually, refusal } from "../environment.ts";
import { HOLDS, held, holdsFor, type Who } from "./environment.ts";

/* Answers that are none, systems that do not listen, and people who may not see: by the real API of a whole gateway. */

const KEY = "a key of the callback, thirty-two and more";
const NOBODY = "apr_0000000000000000";
const SECRET = "secret@example.com";
process.env["HOLDS_CALLBACK_KEY"] = KEY;

const webhook = createServer();
webhook.listen(0, "127.0.0.1");
await once(webhook, "listening");
const { port: hookPort } = webhook.address() as AddressInfo;
for (const way of ["hangs", "fails", "redirects"])
  process.env[`HOLDS_${way}`] = `https://localhost:${hookPort}/${way}`;
const told: string[] = [];
webhook.on("request", (request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    told.push(`${request.url ?? ""} ${Buffer.concat(chunks).toString("utf8")}`);
    if (request.url === "/fails") response.writeHead(500).end();
    if (request.url === "/redirects") response.writeHead(302, { location: "/redirected" }).end();
  });
});
t.teardown(() => {
  webhook.closeAllConnections();
  webhook.close();
});

const site = await holdsFor(t, {
  policy: HOLDS.replace("groups: [crew-ops]", "groups: [crew-ops, sales]"),
  policies: ", file:policies/personal-data.yaml, file:policies/people.yaml",
  approvals: `{ perIdentity: 3,
  webhooks: [${["hangs", "fails", "redirects"].map((way) => `{ name: ${way}, url: env:HOLDS_${way}, ca: file:ca.crt }`).join(", ")}],
  callbacks: [{ name: chat, secret: env:HOLDS_CALLBACK_KEY, provider: holds, groups: [dba] }] }`,
});
webhook.setSecureContext({
  cert: await readFile(join(site.demo.folder, "certs", "gateway.crt")),
  key: await readFile(join(site.demo.folder, "certs", "gateway.key")),
});

const PLAIN = "delete from payments where order_id = -1 /* held_once */";
const TEXT = `delete from customers where email = '${SECRET}' /* held_once ${SECRET} */`;

async function rejected(code: string): Promise<number> {
  return (await site.audit()).filter((line) => line.type === "approval.rejected" && line.code === code)
    .length;
}

function gatehouse(env: NodeJS.ProcessEnv, ...words: readonly string[]): Promise<string> {
  const main = join(import.meta.dirname, "..", "..", "packages", "cli", "src", "main.ts");
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...words], { env }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

t.test(
  "an answer that is none is an error with its code, on the audit log, and changes nothing",
  async (t) => {
    const client = await site.connect(t);
    const asked = refusal(client.query(PLAIN));
    const id = await held(site);
    const bad: readonly (readonly [string, Who, number, string])[] = [
      [NOBODY, "ann", 404, "APPROVAL_UNKNOWN"],
      [id, "agent", 403, "APPROVAL_OWN"],
      [id, "eve", 403, "APPROVAL_NOT_YOURS"],
      [id, "other-agent", 403, "APPROVAL_NOT_YOURS"],
    ];
    for (const [id, who, status, code] of bad) {
      const before = await rejected(code);
      t.match(await site.answer(id, who), { status, body: { error: { code, reference: /^ref_/ } } });
      t.equal(await rejected(code), before + 1, `${code} is on the audit log`);
    }
    t.match(await site.show(id, "eve"), { status: 404, body: { error: { code: "APPROVAL_UNKNOWN" } } });
    const token = await site.token("ann");
    const json = { "content-type": "application/json" };
    const malformed: readonly (readonly [number, string, Parameters<typeof site.ask>[2]])[] = [
      [400, `/v1/approvals/${id}/approve`, { body: "{", headers: json }],
      [400, `/v1/approvals/${id}/approve`, { body: '{"reason":1}', headers: json }],
      [400, `/v1/approvals/${id}/approve`, { body: '{"answer":"approve","by":"ben"}', headers: json }],
      [
        413,
        `/v1/approvals/${id}/approve`,
        { body: JSON.stringify({ reason: "x".repeat(70_000) }), headers: json },
      ],
      [
        415,
        `/v1/approvals/${id}/approve`,
        { body: "reason=x", headers: { "content-type": "application/xml" } },
      ],
      [
        422,
        `/v1/approvals/${id}/approve`,
        { body: JSON.stringify({ reason: "x".repeat(501) }), headers: json },
      ],
      [
        422,
        `/v1/approvals/${id}/approve`,
        { body: JSON.stringify({ reason: "a\u001b[2Jb" }), headers: json },
      ],
      [400, `/v1/approvals/${id}%00/approve`, {}],
      [404, `/v1/approvals/../approvals/${id}/approve/x`, {}],
      [400, `/v1/approvals/${id.toLowerCase()}/approve`, {}],
      [400, `/v1/approvals/%2e%2e%2f${id}/approve`, {}],
    ];
    for (const [status, path, options] of malformed) {
      const answered = await site.ask("POST", path, { token, ...options });
      t.equal(answered.status, status, `${path} ${answered.text}`);
      t.match(answered.body.error?.code, /^[A-Z_]+$/);
    }
    for (const [token, code] of [
      [undefined, "IDENTITY_INVALID"],
      ["", "IDENTITY_INVALID"],
      [`${(await site.token("ann")).slice(0, -6)}AAAAAA`, "IDENTITY_INVALID"],
      [site.demo.variables["GATEHOUSE_TOKEN"], "IDENTITY_INVALID"],
    ] as const) {
      const answered = await site.ask(
        "POST",
        `/v1/approvals/${id}/approve`,
        token === undefined ? {} : { token },
      );
      t.match(answered, { status: 401, body: { error: { code } } });
    }
    t.match((await site.show(id)).body, { state: "pending", answers: [] });
    t.match(await site.answer(id, "ann", "deny", "Not this one."), { status: 200 });
    t.match(await asked, { code: "42501", message: 'Denied by ann: "Not this one."' });
    for (const who of ["ann", "ben"] as const) {
      t.match(await site.answer(id, who), { status: 409, body: { error: { code: "APPROVAL_ENDED" } } });
    }
  },
);

t.test(
  "a callback that is forged, old, replayed, of somebody else or for somebody else changes nothing",
  async (t) => {
    const client = await site.connect(t);
    const asked = refusal(client.query(PLAIN));
    const id = await held(site);
    const now = () => Math.floor(Date.now() / 1000);
    const call = (what: unknown, { time = now(), key = KEY, name = "chat", cut = 0 } = {}) => {
      const body = typeof what === "string" ? what : JSON.stringify(what);
      const hex = createHmac("sha256", key).update(`v1:${time}:${body}`).digest("hex");
      return site.ask("POST", `/v1/callbacks/${name}`, {
        body,
        headers: {
          "content-type": "application/json",
          "x-gatehouse-timestamp": String(time),
          "x-gatehouse-signature": `v1=${hex.slice(0, 64 - cut)}`,
        },
      });
    };
    const yes = { approval: id, answer: "approve", by: "carl", groups: ["dba"] };
    const bad: readonly (readonly [string, Promise<unknown>, number, string])[] = [
      ["another key", call(yes, { key: "another" }), 401, "CALLBACK_REFUSED"],
      ["a piece of a signature", call(yes, { cut: 2 }), 401, "CALLBACK_REFUSED"],
      ["another name", call(yes, { name: "other" }), 401, "CALLBACK_REFUSED"],
      ["old", call(yes, { time: now() - 400 }), 401, "CALLBACK_STALE"],
      ["of the future", call(yes, { time: now() + 400 }), 401, "CALLBACK_STALE"],
      ["no JSON", call("{"), 401, "CALLBACK_REFUSED"],
      ["more than an answer", call({ ...yes, kind: "human" }), 401, "CALLBACK_REFUSED"],
      ["its own command", call({ ...yes, by: "agent" }), 403, "APPROVAL_OWN"],
      [
        "a group that it may not speak for",
        call({ ...yes, groups: ["security"] }),
        403,
        "APPROVAL_NOT_YOURS",
      ],
      ["unknown", call({ ...yes, approval: NOBODY }), 404, "APPROVAL_UNKNOWN"],
    ];
    for (const [what, answered, status, code] of bad) {
      t.match(await answered, { status, body: { error: { code } } }, what);
      t.ok((await rejected(code)) > 0, `${code} is on the audit log`);
    }
    t.match((await site.show(id)).body, { state: "pending", answers: [] });
    const no = { ...yes, answer: "deny" };
    const time = now();
    t.match(await call(no, { time }), { status: 200, body: { approval: id, state: "denied" } });
    t.match(await asked, { code: "42501", message: "Denied by carl." });
    t.match(await call(no, { time }), { status: 409, body: { error: { code: "CALLBACK_REPLAYED" } } });
  },
);

t.test("webhooks that hang, fail or redirect are told of, and in nobody's way", async (t) => {
  const client = await site.connect(t);
  const asked = client.query("delete from payments where order_id = -1 /* held_once */");
  const id = await held(site);
  await eventually(async () => {
    const { deliveries } = (await site.show(id)).body as { deliveries?: { last?: string }[] };
    return deliveries?.filter(({ last }) => last !== undefined).length === 2;
  });
  const page = await gatehouse(await site.environment("ann"), "approvals", "show", id);
  t.match(page, /hangs: .*waiting/);
  t.match(page, /fails: .*waiting.*500/);
  t.match(page, /redirects: .*302/);
  t.match(await site.answer(id), { status: 200 });
  t.equal((await asked).rowCount, 0);
  t.notOk(told.some((request) => request.startsWith("/redirected")));
});

t.test("what masks hide from an approver is told by no way", async (t) => {
  const client = await site.connect(t, "eve");
  const notices: string[] = [];
  client.on("notice", (notice) => notices.push(JSON.stringify(notice)));
  const seen: string[] = [];
  const robot = await site.token("robot");
  for (const [text, values] of [
    [TEXT],
    [`delete from customers where email = E'${SECRET}' /* held_once */`],
    [`delete from customers where email = $$${SECRET}$$ /* held_once */`],
    ["delete from customers where email = $1 /* held_once */", [SECRET]],
    [`delete from customers as "--" /* \n${SECRET} */ where email = 'x' /* held_once */`],
  ] as const) {
    const asked = refusal(client.query(text, values === undefined ? undefined : [...values]));
    const id = await held(site, "robot");
    const shown = await site.ask("GET", `/v1/approvals/${id}`, { token: robot });
    t.match(shown.body, { withheld: true, command: { text: null, parameters: null, runs: null } });
    t.match((await site.show(id)).text, SECRET, "who may see it does");
    seen.push(shown.text, (await site.ask("GET", "/v1/approvals", { token: robot })).text);
    const env = await site.environment("robot");
    seen.push(
      await gatehouse(env, "approvals", "show", id, "--full"),
      await gatehouse(env, "approvals", "--json"),
    );
    const said = await site.answer(id, "robot", "deny");
    seen.push(said.text);
    await asked;
  }
  for (const text of [...seen, ...notices, ...told, JSON.stringify(site.log)]) t.notMatch(text, SECRET);
  for (const secret of [robot, await site.token("eve"), KEY]) {
    const all = [...seen, ...notices, ...told, JSON.stringify(await site.audit())].join("\n");
    t.notOk(all.includes(secret), "no token, and no key");
  }
  t.equal((await stat(join(site.state, "approvals.db"))).mode & 0o777, 0o600);
});

t.test("one identity fills its own places, and nobody else's", async (t) => {
  const text = "delete from payments where order_id = -1 /* held_once */";
  const clients = await Promise.all([1, 2, 3].map(() => site.connect(t)));
  const asked = clients.map((client) => client.query(text));
  const ids = await site.waiting(3);
  t.match(await refusal((await site.connect(t)).query(text)), {
    code: "53300",
    message: /too many commands wait/,
  });
  const other = (await site.connect(t, "other-agent")).query(text);
  const all = await site.waiting(4);
  for (const id of all) await site.say(id, "approve");
  t.equal(ids.length, 3);
  for (const one of [...asked, other]) t.equal((await one).rowCount, 0);
});
