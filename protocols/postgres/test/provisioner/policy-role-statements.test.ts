/**
 * The policies and the database's own privileges, held against each other: what the policies let through, the level's users may
 * do, and of what they never do, the database refuses what it can.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { startPostgres } from "@gatehouse/testkit";
import type { LoadedPolicies } from "@gatehouse/policy";
import pg from "pg";
import t, { type Test } from "tap";
import * as statements from "../analysis/statements.data.ts";
import { database, superuser } from "../support/database.ts";
import { everyday, everydaySchema } from "../support/everyday.ts";
import { clientOf, PASSWORD } from "./support/minting.ts";
import { type Judge, judgeOf, levelBy, policiesOf, provisioning } from "./support/policies.ts";

const DEMO = join(import.meta.dirname, "..", "..", "..", "..", "packages", "demo");
/** insufficient_privilege. */
const REFUSED = "42501";

const server = await startPostgres();
t.teardown(() => server.stop());
const root = await superuser(t, server);
await root.query(`
  CREATE ROLE gatehouse_admin LOGIN CREATEROLE PASSWORD '${PASSWORD}'; CREATE ROLE owner;
  GRANT owner TO gatehouse_admin WITH INHERIT TRUE, SET FALSE; GRANT pg_maintain, pg_monitor TO owner`);

interface World {
  readonly name: string;
  readonly owner: pg.Client;
  readonly judge: Judge;
}

/** A database of which the owner has everything. */
async function owned(t: Test, name: string, sql: string): Promise<World> {
  const making = `GRANT ALL ON SCHEMA public TO owner; SET ROLE owner; ${sql}; RESET ROLE`;
  const owner = await database(t, server, name, making);
  const { target } = provisioning(t, server, policiesOf(), { database: name });
  return { name, owner, judge: await judgeOf(t, target, server.superuser) };
}

interface Tally {
  allowed: number;
  /** Of those that the policies refuse, those that the database refuses by itself. */
  refused: number;
  blocked: number;
}

/** Sends every text straight to the database as a user of the level. */
async function tried(
  t: Test,
  { name, owner, judge }: World,
  policies: LoadedPolicies,
  texts: readonly string[],
  { level = "reader", groups }: { readonly level?: string; readonly groups?: readonly string[] } = {},
): Promise<Tally> {
  const { provisioner, target } = provisioning(t, server, policies, { database: name });
  const way = { target, level: levelBy(level) };
  const holder = { session: "ses_01", subject: "ana" };
  number++;
  const activation = { name: `gh_0k3y2b9z_${number}`, holder, ttl: 60_000, sessions: 1 };
  const client = await clientOf(t, server, await provisioner.mint(way, activation), name);
  await client.query("SET search_path TO public");
  const tally = { allowed: 0, refused: 0, blocked: 0 };
  for (const text of texts) {
    const { effect, command } = await judge.effect(policies, text, way.level, groups);
    if (effect === "unreadable" || command === undefined || MOVES.test(text)) continue;
    const code = await undone(client, text);
    if (effect === "block") {
      tally.blocked++;
      if (code === REFUSED) tally.refused++;
    } else {
      tally.allowed++;
      // What is only explained is not changed, so that it is let through; the database asks for the right to change.
      const excused = command.verbs.includes("EXPLAIN");
      // Where a superuser is refused too, it is no privilege of ours that is missing.
      if (code === REFUSED && !excused && (await undone(owner, text)) !== REFUSED) {
        t.fail(`${text} is let through, and refused by the database`);
      }
    }
  }
  return tally;
}

let number = 0;
/** What ends the transaction that takes everything back, or waits for data. */
const MOVES =
  /^\s*(begin|start|commit|rollback|end|abort|prepare transaction|savepoint|release|copy .* from stdin)/i;

/** @returns the SQLSTATE with which it was refused */
async function undone(client: pg.Client, text: string): Promise<string | undefined> {
  await client.query("BEGIN; SET LOCAL statement_timeout TO '2s'");
  try {
    await client.query(text);
    return undefined;
  } catch (error) {
    return error instanceof pg.DatabaseError ? error.code : "";
  } finally {
    await client.query("ROLLBACK");
  }
}

const SETS: Readonly<Record<string, string>> = {
  reads: 'rules:\n  - allow: reads\n    when: sql.access == "read"',
  "reads and changes": 'rules:\n  - allow: both\n    when: sql.access in ["read", "write"]',
  "all but some tables": `rules:
  - allow: both
    when: sql.access in ["read", "write"]
  - block: some
    when: '"public.users" in sql.reads + sql.writes || sql.reads.exists(r, r.endsWith(".customer"))'`,
  "some tables alone": `rules:
  - allow: reads
    when: sql.access == "read" && sql.reads.all(r, r.startsWith("pg_catalog.") || r in ["public.orders", "public.lineitem", "public.part"])
  - hold: additions
    when: sql.access == "write" && sql.verbs.all(v, v in ["INSERT", "SELECT"]) && sql.writes.all(w, w in ["public.orders"])
    approvers: { groups: [dba] }`,
  "some columns": `rules:
  - allow: both
    when: sql.access in ["read", "write"] && !sql.columns.exists(c, c.endsWith("email") || c.endsWith("_comment"))`,
};

t.test("statements of every day", async (t) => {
  const world = await owned(t, "everyday", await everydaySchema());
  // How large something is, is no relation's to grant.
  const texts = (await everyday(world.owner)).filter((text) => !text.includes("pg_tablespace_size"));
  for (const [title, policy] of Object.entries(SETS)) {
    const tally = await tried(t, world, policiesOf(policy), texts);
    t.ok(tally.allowed > 10, `${title}: ${tally.allowed} are let through, and the database refuses none`);
    t.comment(
      `${title}: of ${tally.blocked} that the policies refuse, the database refuses ${tally.refused}`,
    );
  }
});

t.test("the analysis's own examples", async (t) => {
  const tables = ["a", "b", "c", "orders", "customers", "data", "x", "y"].map(
    (name) =>
      `CREATE TABLE ${name} (id int PRIMARY KEY, x int, y int, s text, v text, name text, email text, n int)`,
  );
  const world = await owned(t, "examples", tables.join(";"));
  const texts = [...statements.reading, ...statements.changing]
    .map(([text]) => text)
    .filter((text) => text.trim() !== "");
  for (const [title, policy] of Object.entries(SETS)) {
    const { allowed } = await tried(t, world, policiesOf(policy), texts);
    t.ok(allowed > 10, `${title}: ${allowed} are let through`);
  }
});

t.test("the demo's policies on the demo's database", async (t) => {
  const files = ["analysts", "operators", "people"];
  const texts = await Promise.all(
    files.map((file) => readFile(join(DEMO, "policies", `${file}.yaml`), "utf8")),
  );
  // Here the owner has another name.
  const seed = (await readFile(join(DEMO, "src", "seed.sql"), "utf8")).replaceAll(/^.*orders_owner;$/gm, "");
  const world = await owned(
    t,
    "demo",
    seed.replaceAll("50000", "50").replaceAll("10000", "50").split("grant select,")[0] ?? "",
  );
  const sent = [
    "SELECT * FROM orders JOIN customers ON customers.id = customer_id",
    "SELECT contact FROM customer_contacts",
    "SELECT customer_email(1)",
    "UPDATE orders SET status = 'paid' WHERE id = 1",
    "INSERT INTO products VALUES (1000, 'x', 1)",
    "DELETE FROM orders WHERE id = 1",
    "DELETE FROM orders",
    "TRUNCATE payments",
    "DROP TABLE payments",
    "ALTER TABLE customers ADD x int",
    "CREATE TABLE mine (id int)",
    "CREATE ROLE mine",
  ];
  const crews: readonly (readonly [string, string])[] = [
    ["reader", "crew-analyst"],
    ["writer", "crew-ops"],
    ["reader", "dba"],
  ];
  for (const [level, group] of crews) {
    const tally = await tried(t, world, policiesOf(...texts), sent, { level, groups: [group] });
    t.ok(tally.allowed >= 2, `${group}: ${tally.allowed} are let through`);
    t.ok(
      tally.refused >= 4,
      `of ${tally.blocked} that are not, ${tally.refused} are refused by the database`,
    );
  }
  const analysts = await tried(t, world, policiesOf(texts[0] ?? ""), sent, {
    groups: ["crew-analyst"],
  });
  t.equal(analysts.refused, analysts.blocked - 1, "but for the function, which reads what its caller may");
});
