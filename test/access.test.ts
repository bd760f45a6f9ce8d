import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Identity } from "@gatehouse/core";
import { Gateway } from "@gatehouse/gateway";
import { createMemoryLog } from "@gatehouse/testkit";
import pg from "pg";
import t, { type Test } from "tap";
import {
  auditLines,
  connected,
  demoFor,
  ending,
  eventually,
  refusedLogin,
  variantOf,
  writer,
} from "./environment.ts";

/* Getting in by somebody's yes: the demo's agent that may write, and dana, who is asked. */

const policy = `policy: writers wait
who: { everyone: true }
targets: [orders]
levels: [writer]
access:
  approvers: { groups: [dba] }
  lasts: 1h
  message: Say which ticket it is for.
rules:
  - block: nothing
    when: "false"
`;

const demo = await demoFor(t);
await writeFile(join(demo.folder, "access.yaml"), policy);

/** A gateway at which the writer needs a grant, and whose time the test can move on. */
async function gatewayOf(t: Test, name: string) {
  const { configFile, state } = await variantOf(demo, name, {
    policies: "[file:policies/*.yaml, file:access.yaml]",
  });
  let ahead = 0;
  const clock = { now: () => Date.now() + ahead };
  const start = () => Gateway.start({ configFile, log: createMemoryLog(), clock });
  let gateway = await start();
  t.teardown(() => gateway.stop("test ended"));
  const { variables } = demo;
  return {
    state,
    get gateway() {
      return gateway;
    },
    way: () => ({ ...writer(demo), port: gateway.port("postgres") ?? 0 }),
    dana: (): Promise<Identity> => gateway.authenticate({ token: variables["GATEHOUSE_TOKEN"] ?? "" }),
    agent: (): Promise<Identity> => gateway.authenticate({ token: variables["WRITER_TOKEN"] ?? "" }),
    pass: (milliseconds: number) => {
      ahead += milliseconds;
    },
    restart: async () => {
      await gateway.stop("restart");
      gateway = await start();
    },
  };
}

type Site = Awaited<ReturnType<typeof gatewayOf>>;

/** Dana's word to the one approval that waits, when it does. */
async function says({ gateway, dana }: Site, answer: "approve" | "deny", reason?: string) {
  const viewer = await dana();
  const pending = () => gateway.approvals.list(viewer, { states: ["pending"], limit: 10 }).approvals;
  await eventually(() => pending().length === 1);
  const id = pending()[0]?.approval.id ?? "";
  return gateway.approvals.answer(viewer, id, { answer, ...(reason === undefined ? {} : { reason }) });
}

/** A grant that was asked for beforehand. */
async function granted(site: Site, lasts: number) {
  const agent = await site.agent();
  const client = { host: "127.0.0.1", port: 1 };
  await site.gateway.grants.request(agent, { target: "orders", level: "writer", lasts, client });
  await says(site, "approve");
  await eventually(() => site.gateway.grants.list(agent).length === 1);
  const [grant] = site.gateway.grants.list(agent);
  if (!grant) throw new Error("no grant");
  return grant;
}

t.test("a log-in waits, is let in by a yes, and its session lives", async (t) => {
  const site = await gatewayOf(t, "held");
  const connecting = connected(t, demo, site.way());
  await says(site, "approve");
  const client = await connecting;
  t.match((await client.query("select 1 as one")).rows, [{ one: 1 }]);
  const again = await connected(t, demo, site.way());
  t.match((await again.query("select 2 as two")).rows, [{ two: 2 }], "the next one does not wait");
  const lines = await auditLines(site.state);
  const issued = lines.find((line) => line.type === "grant.issued");
  t.match(issued, { subject: "crew-ops", target: "orders", level: "writer" });
  const opened = lines.filter((line) => line.type === "session.opened");
  t.match(opened, [{ grant: issued?.grant }, { grant: issued?.grant }]);
  const reader = await connected(t, demo, { port: site.way().port });
  t.match((await reader.query("select 3 as three")).rows, [{ three: 3 }], "whom it is not for does not wait");
});

t.test("a log-in to which somebody says no is refused in their words", async (t) => {
  const site = await gatewayOf(t, "denied");
  const refused = refusedLogin(demo, site.way());
  await says(site, "deny", "not today");
  t.match(await refused, {
    code: "42501",
    message: /^Denied by .*: "not today"$/,
    hint: /gatehouse request/,
  });
  t.match(
    (await auditLines(site.state)).find((line) => line.type === "login.failed"),
    { kind: "policy", reason: /was denied$/ },
  );
});

t.test("a client that leaves takes what it asked for along", async (t) => {
  const site = await gatewayOf(t, "left");
  const client = new pg.Client({
    ...site.way(),
    host: "localhost",
    database: "orders",
    ssl: { ca: await readFile(demo.variables["GATEHOUSE_CA"] ?? "", "utf8") },
  });
  client.on("error", () => undefined);
  client.connect().catch(() => undefined);
  await once(client, "notice");
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  await eventually(async () =>
    (await auditLines(site.state)).some(
      (line) => line.type === "approval.void" && line.why === "client_gone",
    ),
  );
  t.equal(site.gateway.openSessions, 0);
});

t.test(
  "what was granted beforehand lets in at once; taken back, it ends the session that lives by it",
  async (t) => {
    const site = await gatewayOf(t, "revoked");
    const grant = await granted(site, 1_800_000);
    const client = await connected(t, demo, site.way());
    await client.query("begin");
    const told = ending(client);
    const other = await connected(t, demo, { port: site.way().port });
    await site.gateway.grants.revoke(await site.dana(), grant.id, "the work is done");
    t.match(await told, { code: "57P01", message: /taken back by .*: "the work is done"/ });
    t.match((await other.query("select 1 as one")).rows, [{ one: 1 }], "and no other");
    await eventually(async () =>
      (await auditLines(site.state)).some((line) => line.type === "session.closed" && line.end === "revoked"),
    );
  },
);

t.test("a grant's end ends its session", async (t) => {
  const site = await gatewayOf(t, "over");
  await granted(site, 60_000);
  const client = await connected(t, demo, site.way());
  const told = ending(client);
  site.pass(60_000);
  t.match(await told, { code: "57P01", message: /grant .* has come to its end/ });
  t.same(site.gateway.grants.list(await site.agent()), []);
});

t.test("a grant outlives a restart", async (t) => {
  const site = await gatewayOf(t, "restarted");
  const { id } = await granted(site, 1_800_000);
  await site.restart();
  const client = await connected(t, demo, site.way());
  t.match((await client.query("select 1 as one")).rows, [{ one: 1 }]);
  t.match(
    (await auditLines(site.state)).findLast((line) => line.type === "session.opened"),
    { grant: id },
  );
});

t.test("what is not theirs can't be asked for, nor what needs no grant", async (t) => {
  const site = await gatewayOf(t, "asked");
  const agent = await site.agent();
  const client = { host: "127.0.0.1", port: 1 };
  for (const [target, level] of [
    ["orders", "owner"],
    ["billing", "writer"],
  ] as const) {
    await t.rejects(site.gateway.grants.request(agent, { target, level, client }), {
      code: "REQUEST_INVALID",
    });
  }
  const reader = await site.gateway.authenticate({ token: demo.variables["AGENT_TOKEN"] ?? "" });
  await t.rejects(site.gateway.grants.request(reader, { target: "orders", level: "reader", client }), {
    code: "GRANT_NOT_NEEDED",
  });
});
