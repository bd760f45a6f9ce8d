import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { admin, auditLines, connected, demoFor, variantGateway } from "./environment.ts";
import { Session } from "./masking/session.ts";

/* Detectors of the config's own, and masks that look for what they find. */

const demo = await demoFor(t);
await writeFile(
  join(demo.folder, "policies", "badges.yaml"),
  `policy: badges
who: { everyone: true }
targets: [orders]
rules:
  - allow: reads and notices
    when: sql.access in ["read", "unknown"]
  - mask: badges
    detect: [custom.badge]
    with: redact
`,
);
const BADGE = "B-271828";
const superuser = await admin(t, demo);
await superuser.query(`create table badges (door text); insert into badges values ('door ${BADGE}')`);
await superuser.query("grant select on badges to public");

function gatewayOf(t: Test, name: string, pattern: string) {
  return variantGateway(t, demo, name, {
    policies: "[file:policies/badges.yaml]",
    detectors: JSON.stringify({ "custom.badge": pattern }),
  });
}

t.test("a pattern of the config hides what it finds in rows, copies, errors and notices", async (t) => {
  const { port, state } = await gatewayOf(t, "badges", "B-[0-9]{6}");
  const password = demo.variables["WRITER_TOKEN"] ?? "";
  for (const mode of ["simple", "extended", "row by row"] as const) {
    const session = await Session.open({ demo, port, user: "writer", password, database: "orders" });
    for (const sql of [
      "select door, 1 as n from badges",
      "copy badges to stdout",
      "select door::int from badges",
      `do $$ begin raise notice 'door %', 'B-' || 271828; end $$`,
    ]) {
      await session.ask({ sql }, mode);
    }
    await session.close();
    const received = session.received.toString("latin1");
    t.notMatch(received, BADGE, mode);
    t.equal(received.split("door [redacted]").length, 5, `${mode}: the rest of each is there`);
  }
  t.match((await auditLines(state)).at(-2), {
    decision: { masks: [{ rule: { rule: "badges", policy: "badges" }, hides: ["custom.badge"] }] },
  });
});

async function rewrite(path: string, from: string, to: string): Promise<void> {
  await writeFile(path, (await readFile(path, "utf8")).replace(from, to));
}

t.test("a reload takes other patterns, and sessions that are open have them", async (t) => {
  const { gateway, port, state: other } = await gatewayOf(t, "patterns", "B-[0-9]{6}");
  const client = await connected(t, demo, { port });
  const sql = { text: "select 'B-' || 271828 || ' K-' || 314159 as text" };
  t.same((await client.query(sql)).rows, [{ text: "[redacted] K-314159" }]);
  const before = gateway.configuration.policies.version;
  const { config } = gateway.configuration;
  await rewrite(config.file, "B-[0-9]{6}", "K-[0-9]{6}");
  t.same(await gateway.reload(), []);
  t.not(gateway.configuration.policies.version, before);
  t.same((await client.query(sql)).rows, [{ text: "B-271828 [redacted]" }]);

  await rewrite(config.file, "K-[0-9]{6}", "K-[0-9");
  t.match(await gateway.reload(), [{ message: /^not a pattern that RE2 can read: missing closing \]$/ }]);
  t.same((await client.query(sql)).rows, [{ text: "B-271828 [redacted]" }], "the old ones stay");
  t.match(
    (await auditLines(other)).find(({ type }) => type === "config.rejected"),
    { problems: 1 },
  );
});
