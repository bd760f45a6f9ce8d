/**
 * A hostile user's attempts, straight at the database as the user that was made for a session. Nothing that it plants survives the
 * session or runs with more rights than it had; what it may not do is refused by the database, and by an ordinary policy as well.
 *
 *   ONLY='plants: casts' npm test -- test/mint/hostile.test.ts      attempts whose names begin so
 */
import t, { type Test } from "tap";
import { refusal } from "../environment.ts";
import { type Attempt, readAttempts } from "./attempts.ts";
import { settled, userOf } from "./support/crash.ts";
import { mintSite } from "./support/site.ts";
import { straight } from "./support/straight.ts";

t.setTimeout(600_000);

/** Tells the server's log who runs it, whatever becomes of the transaction. */
const WITNESS = `create function public.tell(what text) returns int language plpgsql as
  $$ begin raise log 'WITNESS % % %', what, current_user, session_user; return 1; end $$`;

/** An ordinary policy: who reads and writes has no business with what a database is made of. */
const ORDINARY = `policy: ordinary
who: { groups: [crew] }
targets: [orders]
rules:
  - allow: reads and writes
    when: sql.access in ["read", "write"]
`;

/** What others do, at any time. */
const EVERYDAY = [
  "select count(*) from customers c join customers d on c.id = d.id where c.name = 'customer 7' and c.name ~ 'cust'",
  "insert into customers values (1000, format('%s', 'new'))",
  "delete from customers where id = 1000",
  "select rolname from pg_roles where rolname = 'postgres' and oid = 10",
];

const only = process.env["ONLY"] ?? "";
const site = await mintSite(t, {
  seed: WITNESS,
  settings: { max_connections: "20", max_locks_per_transaction: "32" },
});
const levels = "writer: { memberOf: [orders_write], ready: 1 }";
const free = await (await site.config("hostile", { levels })).start(t);
const ordinary = await (await site.config("ordinary", { levels, policy: ORDINARY })).start(t);
/** Ready ones of both gateways. */
const READY = 2;
const attempts = (await readAttempts()).filter(
  (one) =>
    `${one.class}: ${one.name}`.startsWith(only) && one.from <= site.version && site.version < one.below,
);
const counts = { planted: 0, refusedByDatabase: 0, refusedByPolicy: 0 };
t.ok(attempts.length > 0, "there are attempts");

for (const attempt of attempts) {
  await t.test(`${attempt.class}: ${attempt.name}`, { timeout: 100_000 }, (t) => make(t, attempt));
}

t.comment(
  `figures: PostgreSQL ${site.version}: ${attempts.length} attempts; ${counts.planted} things planted, ` +
    `${counts.refusedByDatabase} refused by the database, ${counts.refusedByPolicy} by the policy as well`,
);

async function make(t: Test, attempt: Attempt): Promise<void> {
  const began = site.server.log().length;
  for (const sql of attempt.before) await site.ask(sql);
  const client = await site.connect(t, free, "writer");
  const user = await userOf(client);
  const another = await site.connect(t, free, "writer", "other");
  const other = await userOf(another);
  const filled = (text: string) => text.replaceAll("$user", user).replaceAll("$other", other);
  const hostile = await straight(t, site, user);

  for (const sql of attempt.do) {
    await hostile.query(filled(sql));
    counts.planted++;
  }
  for (const { sql, by } of attempt.refused) {
    const { code } = await refusal(hostile.query(filled(sql)));
    t.ok(by.includes(code ?? ""), `the database refuses: ${sql}`, { code });
    counts.refusedByDatabase++;
  }
  if (attempt.opens.length > 0) await hostile.query("begin");
  for (const { sql, await: awaited } of attempt.opens) {
    const done = hostile.query(filled(sql));
    if (awaited) await done;
    else done.catch(() => undefined);
  }
  await refusedByPolicy(t, attempt, filled);

  await client.end();
  await site.until("its user is gone", ({ users, taken }) => !users.includes(user) && taken.length === 1);
  t.equal(await userOf(another), other, "the other session goes on");
  await another.end();
  await site.until("the other one is gone, too", settled(READY));
  for (const sql of EVERYDAY) await site.ask(sql);
  await site.clean();
  for (const question of attempt.gone) t.strictSame(await site.ask(filled(question)), [], filled(question));
  const told = witnesses(began);
  t.strictSame(
    told.filter(({ as, of }) => as !== user || of !== user),
    [],
    "nobody else has run anything of it",
  );
  if (attempt.shows !== undefined) {
    t.ok(
      told.some(({ what }) => what === attempt.shows),
      "it runs when its user does it",
    );
  }
  for (const sql of attempt.after) await site.ask(sql);
}

async function refusedByPolicy(
  t: Test,
  { refused }: Attempt,
  filled: (text: string) => string,
): Promise<void> {
  const asked = refused.filter(({ policy }) => policy);
  if (asked.length === 0) return;
  const client = await site.connect(t, ordinary, "writer");
  for (const { sql } of asked) {
    const { detail } = await refusal(client.query(filled(sql)));
    t.match(detail, /^Reference: /, `the policy refuses: ${sql}`);
    counts.refusedByPolicy++;
  }
  await client.end();
}

/** Who has run the code that tells of it, since the log was so long. */
function witnesses(began: number): { what: string; as: string; of: string }[] {
  const told = site.server
    .log()
    .slice(began)
    .matchAll(/WITNESS (\S+) (\S+) (\S+)/g);
  return [...told].map(([, what = "", as = "", of = ""]) => ({ what, as, of }));
}
