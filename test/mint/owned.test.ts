import type pg from "pg";
import t, { type Test } from "tap";
import { settled, userOf } from "./support/crash.ts";
import { mintSite } from "./support/site.ts";
import { straight } from "./support/straight.ts";

/* What a session's user owns when it ends: in one database and in several, and where something of others rests on it. */

const site = await mintSite(t, { settings: { max_prepared_transactions: "10", wal_level: "logical" } });
const levels = `writer: { memberOf: [orders_write], ready: 1 }
      setter: { memberOf: [orders_write], ready: 0, setRole: true }`;
const config = await site.config("owned", { levels });

/** Everything that a user may make without more rights than CREATE on a database and a schema. */
const MAKES = [
  "create schema its_own",
  "create table its_own.things (id int primary key, at timestamptz default now())",
  "create table public.in_public (id serial primary key, note text)",
  "create table its_own.parts (id int, region text) partition by list (region)",
  "create table its_own.parts_north partition of its_own.parts for values in ('north')",
  "create index on public.in_public (note)",
  "create statistics its_own.s on id, note from public.in_public",
  "insert into public.in_public (note) values ('kept?')",
  "create unlogged table its_own.quick (id int)",
  "create sequence its_own.numbers",
  "create view its_own.seen as select * from public.customers",
  "create materialized view its_own.kept as select count(*) from public.customers",
  "create function its_own.adds(a int, b int) returns int language sql as 'select a + b'",
  "create procedure its_own.does() language sql as 'select 1'",
  "create aggregate its_own.total (int) (sfunc = int4pl, stype = int)",
  "create operator its_own.@@@ (leftarg = int, rightarg = int, function = its_own.adds)",
  "create type its_own.mood as enum ('good', 'bad')",
  "create type its_own.pair as (a int, b int)",
  "create type its_own.span as range (subtype = int)",
  "create domain its_own.positive as int check (its_own.adds(value, 0) > 0)",
  'create collation its_own.plain from "C"',
  "create text search configuration its_own.words (copy = pg_catalog.simple)",
  "create text search dictionary its_own.stems (template = pg_catalog.simple)",
  "create function its_own.fires() returns trigger language plpgsql as $$ begin return new; end $$",
  "create trigger fires before insert on public.in_public for each row execute function its_own.fires()",
  "create rule nothing as on delete to public.in_public do instead nothing",
  "alter table public.in_public enable row level security",
  "create policy everyone on public.in_public using (true)",
  "create publication its_news for table public.in_public",
  "select lo_create(4711)",
  "alter default privileges grant select on tables to public",
  "alter default privileges in schema its_own grant execute on functions to orders_read",
  "grant select on public.in_public to orders_read",
  "grant all on schema its_own to public",
  "comment on table public.in_public is 'mine'",
  "create temporary table for_now (id int)",
];

/** @returns the session's user, with all of that made */
async function owner(t: Test): Promise<{ readonly user: string; readonly client: pg.Client }> {
  const gateway = await config.start(t);
  t.teardown(() => gateway.kill());
  const client = await site.connect(t, gateway, "writer");
  const user = await userOf(client);
  for (const sql of MAKES) await client.query(sql);
  return { user, client };
}

t.test("all kinds of things, in two databases", async (t) => {
  const { user, client } = await owner(t);
  const elsewhere = await straight(t, site, user, { database: "archive" });
  await elsewhere.query("create table public.elsewhere (id int)");
  await elsewhere.query("create function public.there() returns int language sql as 'select 1'");
  await elsewhere.query("select lo_create(4712)");
  t.ok((await site.state()).owned.length > 30, "it owns all of that");
  await client.end();
  await site.until("it is gone, and all that it had", settled(1));
  await site.clean();
  for (const database of ["orders", "archive"]) {
    const objects = await site.ask("select oid from pg_largeobject_metadata", { database });
    t.strictSame(objects, [], `no large object in ${database}`);
    const defaults = await site.ask("select * from pg_default_acl", { database });
    t.strictSame(defaults, [], `no default privileges in ${database}`);
  }
});

t.test("a transaction that is prepared", async (t) => {
  const gateway = await config.start(t);
  t.teardown(() => gateway.kill());
  const client = await site.connect(t, gateway, "writer");
  const direct = await straight(t, site, await userOf(client));
  for (const sql of ["begin", "create table waits (id int)", "prepare transaction 'its one'"])
    await direct.query(sql);
  const there = await straight(t, site, await userOf(client), { database: "archive" });
  for (const sql of [
    "begin",
    "create table public.waits (id int)",
    "prepare transaction 'its ''other'' \\ one'",
  ])
    await there.query(sql);
  t.equal((await site.state()).prepared.length, 2);
  await client.end();
  await site.until("it is gone", settled(1));
  await site.clean();
});

t.test("a session that has become another role makes things as that", async (t) => {
  const gateway = await config.start(t);
  t.teardown(() => gateway.kill());
  const client = await site.connect(t, gateway, "setter");
  const user = await userOf(client);
  await client.query("set role orders_write");
  await client.query("create table as_the_role (id int)");
  await client.query("reset role");
  await client.query("create table as_itself (id int)");
  await client.end();
  await site.until("the user is gone", ({ taken }) => !taken.includes(user));
  const owners = await site.ask(
    "select tablename::text as name, tableowner::text as owner from pg_tables where tablename like 'as_%'",
  );
  t.strictSame(owners, [{ name: "as_the_role", owner: "orders_write" }], "the role's stays the role's");
  await site.ask("drop table as_the_role");
  await site.clean();
});

// Before 16 nobody but a superuser takes back a user that replicates: levels that do are refused there (provisioner/check.test.ts).
if (site.version >= 16) {
  t.test("an active replication slot", async (t) => {
    const gateway = await config.start(t);
    t.teardown(() => gateway.kill());
    const client = await site.connect(t, gateway, "writer");
    const user = await userOf(client);
    // No administrator without the attribute can give it: it is what a superuser would have given to the level.
    await site.ask(`alter role ${user} replication`);
    const sender = await straight(t, site, user, { replication: "database" });
    await sender.query("CREATE_REPLICATION_SLOT its_slot TEMPORARY LOGICAL pgoutput");
    await site.ask("create publication news for all tables");
    const stream = sender.query(
      "START_REPLICATION SLOT its_slot LOGICAL 0/0 (proto_version '1', publication_names 'news')",
    );
    stream.catch(() => undefined);
    await site.until("it streams", ({ connections }) => connections === 2);
    await client.end();
    await site.until("it is gone", settled(1));
    await site.clean();
    t.strictSame(await site.ask("select slot_name from pg_replication_slots"), [], "and its slot");
  });
}

t.test("what others rest on is kept, without any right, until they let go of it", async (t) => {
  const gateway = await config.start(t);
  t.teardown(() => gateway.kill());
  const client = await site.connect(t, gateway, "writer");
  const user = await userOf(client);
  await client.query("create table public.base (id int)");
  await site.ask("create view public.rests as select * from public.base");
  await site.ask("alter view public.rests owner to bystander");
  await client.end();
  await site.until(
    "it can't log in",
    ({ canLogIn, connections }) => canLogIn.length === 0 && connections === 0,
  );
  await site.until("it has the mark, and nothing else", ({ taken }) => taken.includes(user));
  const roles = await site.ask<{ name: string }>(
    `select pg_get_userbyid(roleid)::text as name from pg_auth_members where member = '${user}'::regrole`,
  );
  t.strictSame(roles, [{ name: "gatehouse_minted" }]);
  const [view] = await site.ask("select 1 as there from pg_views where viewname = 'rests'");
  t.ok(view, "what is not its own is there");
  await site.ask("drop view public.rests");
  await gateway.kill();
  const next = await config.start(t);
  await site.until("it is gone", settled(1));
  await site.clean();
  await next.kill();
});

t.test("handed over: data stays, what could run does not", async (t) => {
  const handing = await site.config("handing", {
    levels,
    target: "owned: { handOver: orders_archive }\n    catalog: off",
  });
  const before = await config.start(t);
  await before.ask({ do: "stop" });
  await site.until("nobody is left", ({ users }) => users.length === 0);
  const gateway = await handing.start(t);
  t.teardown(() => gateway.kill());
  const client = await site.connect(t, gateway, "writer");
  for (const sql of MAKES) await client.query(sql);
  await client.end();
  await site.until("it is gone", settled(1));
  await site.clean();
  const kept = await site.ask<{ name: string }>(
    "select relname::text as name from pg_class where relowner = 'orders_archive'::regrole and relkind in ('r', 'p') order by 1",
  );
  t.strictSame(
    kept.map(({ name }) => name),
    ["in_public", "parts", "parts_north", "quick", "things"],
  );
  t.strictSame(await site.ask("select note from public.in_public"), [{ note: "kept?" }]);
  const code = await site.ask(
    `select 'routine' as kind, proname::text as name from pg_proc where proowner = 'orders_archive'::regrole
     union all select 'trigger', tgname::text from pg_trigger where not tgisinternal
     union all select 'rule', rulename::text from pg_rewrite where ev_class = 'public.in_public'::regclass
     union all select 'policy', polname::text from pg_policy
     union all select 'view', relname::text from pg_class where relowner = 'orders_archive'::regrole and relkind in ('v', 'm')
     union all select 'operator', oprname::text from pg_operator where oprowner = 'orders_archive'::regrole
     union all select 'check of a domain', conname::text from pg_constraint where contypid <> 0
       and contypid in (select oid from pg_type where typowner = 'orders_archive'::regrole)
     union all select 'publication', pubname::text from pg_publication where pubowner = 'orders_archive'::regrole`,
  );
  t.strictSame(code, []);
});
