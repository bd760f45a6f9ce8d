import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import type pg from "pg";
import t from "tap";
import {
  type AuditLine,
  auditLines,
  connected,
  demoFor,
  eventually,
  refusal,
  refusedLogin,
  stateOf,
  verifyState,
  writer,
} from "./environment.ts";

const demo = await demoFor(t);

const SECRETS = ["hunter2-simple", "hunter2-extended", "hunter2-user", "hunter2-broken", "hunter2-create"];

/** All that a client was told of an error. */
const told: string[] = [];
async function refused(attempt: Promise<unknown>): Promise<pg.DatabaseError> {
  const error = await refusal(attempt);
  told.push(inspect(error, { depth: null }));
  return error;
}

async function closedLine(session: string): Promise<AuditLine | undefined> {
  const find = async () =>
    (await auditLines(stateOf(demo))).find(
      (line) => line.type === "session.closed" && line.session === session,
    );
  await eventually(async () => (await find()) !== undefined);
  return find();
}

t.test(
  "a session is on the log from its opening to its close, with each command and its decision",
  async (t) => {
    const { length } = await auditLines(stateOf(demo));
    const client = await connected(t, demo, { application_name: "crew" });
    await client.query("select id from orders where id = 1");
    await client.query("select name from customers where id = $1 and city = $2", [3, null]);
    const dropped = await refused(client.query("drop table orders"));
    const unknown = await refused(client.query("update orders set status = 'paid' where id = 1"));
    const broken = await refused(client.query("selec"));
    await client.end();

    const lines = (await auditLines(stateOf(demo))).slice(length);
    const [opened] = lines;
    if (opened?.type !== "session.opened") throw new Error("the session's opening is not first");
    const actor = { session: opened.session, subject: "crew-analyst", target: "orders", level: "reader" };
    t.match(opened, {
      ...actor,
      protocol: "postgres",
      kind: "workload",
      groups: ["crew-analyst"],
      proof: { method: "oidc", provider: "demo", issuer: demo.provider.issuer },
      client: { host: "127.0.0.1" },
      application: "crew",
    });
    const { version } = demo.gateway.configuration.policies;
    const policy = "orders for analysts";
    const reads = {
      effect: "allow",
      rule: { policy, rule: "reads", source: /analysts\.yaml:\d+$/ },
      policyVersion: version,
    };
    t.match(lines.slice(1, 6), [
      {
        type: "command",
        ...actor,
        command: {
          kind: "query",
          verbs: ["SELECT"],
          access: "read",
          resources: ["public.orders"],
          text: "select id from orders where id = 1",
        },
        decision: reads,
      },
      {
        type: "command",
        ...actor,
        command: { kind: "execute", resources: ["public.customers"], parameters: ["3", null] },
        decision: reads,
      },
      {
        type: "command",
        ...actor,
        command: { verbs: ["DROP"], access: "ddl", resources: ["public.orders"] },
        decision: { effect: "block", rule: { policy, rule: "schema changes" }, policyVersion: version },
      },
      {
        type: "command",
        ...actor,
        command: { verbs: ["UPDATE"], access: "write", resources: ["public.orders"] },
        decision: { effect: "block", rule: null, policyVersion: version },
      },
      {
        type: "command",
        ...actor,
        command: { kind: "refused", verbs: [], access: "unknown", text: "selec" },
        decision: { effect: "block", rule: null, reason: /syntax error/ },
      },
    ]);
    t.equal(broken.detail, undefined, "of what the server would say itself, no more is said");
    const references = lines.slice(3, 5).map((line) => ("reference" in line ? line.reference : ""));
    t.same(
      [dropped, unknown].map(({ detail }) => detail),
      references.map((reference) => `Reference: ${reference}`),
      "what the client was told finds the event",
    );
    t.match(await closedLine(opened.session), { ...actor, end: "client_closed", commands: 5, refused: 3 });
  },
);

t.test("a failed log-in is on the log, with what the client was not told", async (t) => {
  const error = await refusedLogin(demo, { password: "x.y.z", user: "writer" });
  t.match((await auditLines(stateOf(demo))).at(-1), {
    type: "login.failed",
    reference: error.detail?.slice("Reference: ".length),
    protocol: "postgres",
    kind: "credential",
    reason: /^IDENTITY_INVALID/,
    client: { host: "127.0.0.1" },
    target: "orders",
    level: "writer",
  });
});

t.test("a command that is repeated is an event each time", async (t) => {
  const client = await connected(t, demo);
  const text = "select 'again and again' as repeated";
  for (let n = 0; n < 3; n++) await client.query({ name: "repeated", text });
  const events = (await auditLines(stateOf(demo))).filter(
    (line) => line.type === "command" && line.command.text === text,
  );
  t.ok(events.length >= 3);
});

t.test("no secret is in the audit log, in the gateway's log, or in what clients are told", async (t) => {
  const client = await connected(t, demo);
  const privileged = await connected(t, demo, writer(demo));
  for (const session of [client, privileged]) {
    await refused(session.query("alter role orders_reader password 'hunter2-simple'"));
    await refused(
      session.query({ name: "secret", text: "alter role orders_reader password 'hunter2-extended'" }),
    );
    await refused(session.query("create user eve encrypted password 'hunter2-user'"));
    await refused(session.query("select 1; create role eve login password 'hunter2-create'"));
    await refused(session.query("alter role eve pasword passwor 'hunter2-broken' password"));
  }
  const tokens = ["AGENT_TOKEN", "WRITER_TOKEN", "GATEHOUSE_TOKEN"].map((name) => demo.variables[name] ?? "");
  const forged = `${tokens[0]?.slice(0, -8) ?? ""}AAAAAAAA`;
  told.push(inspect(await refusedLogin(demo, { password: forged })));
  await demo.database.server.crash();
  told.push(inspect(await refusedLogin(demo, {})));
  await demo.database.server.start();
  const texts = {
    "audit log": await readFile(join(stateOf(demo), "audit", "audit.jsonl"), "utf8"),
    "gateway's log": await readFile(join(demo.folder, "gateway.log"), "utf8"),
    "clients' errors": told.join("\n"),
  };
  const signatures = tokens.map((token) => token.split(".")[2] ?? "");
  for (const [where, text] of Object.entries(texts)) {
    t.ok(text.length > 500, `the ${where} was read`);
    for (const secret of [
      ...SECRETS,
      ...tokens,
      ...signatures,
      forged,
      demo.database.administrator.password,
      demo.database.server.superuser.password,
    ]) {
      t.notOk(text.includes(secret), `${where}: ${secret.slice(0, 16)}`);
    }
  }
});

t.test("the log verifies, as a whole and while it is written to", async (t) => {
  const client = await connected(t, demo);
  const writing = (async () => {
    for (let n = 0; n < 100; n++) await client.query("select $1::int as n", [n]);
  })();
  t.match(await verifyState(stateOf(demo)), { ok: true });
  await writing;
  const result = await verifyState(stateOf(demo));
  t.match(result, { ok: true, torn: 0 });
  t.ok(result.ok && result.events > 100);
});

t.test(
  "what is refused for a mask is on the log in the name of the mask's rule, and the client is told",
  async (t) => {
    const client = await connected(t, demo, writer(demo));
    const agent = await connected(t, demo);
    const CONTACT = "how a customer can be reached";
    const SSN = "social security numbers";
    for (const [asking, sql, rule, message] of [
      [
        agent,
        "select name from customers where email like 'a%'",
        CONTACT,
        /rows, or their order, depend on it/,
      ],
      [agent, "select name from customers order by ssn", SSN, /rows, or their order, depend on it/],
      [client, "update customers set name = ssn where id = 1", SSN, /put its values into/],
      [agent, "select name, no_such_column from customers", CONTACT, /can't be followed/],
      [agent, "copy (select ssn from customers) to stdout (encoding latin1)", SSN, /option encoding/],
    ] as const) {
      const hint = new RegExp(`The mask is the rule "${rule}" of the policy "personal data"\\.`);
      t.match(await refused(asking.query(sql)), { code: "42501", message, hint }, sql);
      const line = (await auditLines(stateOf(demo))).at(-1);
      const decision = { effect: "block", rule: { rule, policy: "personal data" }, reason: message };
      t.match(line, { type: "command", command: { text: sql }, decision }, sql);
    }
  },
);
