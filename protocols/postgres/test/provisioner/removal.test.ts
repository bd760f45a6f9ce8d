import { startPostgres } from "@gatehouse/testkit";
import pg from "pg";
import t, { type Test } from "tap";
import { superuser } from "../support/database.ts";
import { ADMINISTRATOR, clientOf, minting, value, wayTo } from "./support/minting.ts";

const server = await startPostgres({ settings: { max_prepared_transactions: "10", wal_level: "logical" } });
t.teardown(() => server.stop());
const root = await superuser(t, server);
const version = Number(await value(root, "SHOW server_version_num"));
await root.query(ADMINISTRATOR);
await root.query("GRANT orders_read, orders_write TO gatehouse_admin WITH ADMIN OPTION");
await root.query("CREATE ROLE maker; GRANT maker TO gatehouse_admin WITH ADMIN OPTION");
await root.query("CREATE DATABASE second");
const second = await superuser(t, server, "second");
for (const client of [root, second]) {
  const database = String(await value(client, "SELECT current_database()"));
  await client.query(`GRANT CREATE ON SCHEMA public TO maker; GRANT CREATE ON DATABASE ${database} TO maker`);
}
const { provisioner, target } = minting(t, server);
const maker = wayTo(target, { memberOf: ["maker", "orders_write"], setRole: true });
let count = 0;
const minted = () => {
  count += 1;
  const holder = { session: `ses_${count}`, subject: "ana" };
  return provisioner.mint(maker, { name: `gh_0k3y2b9z_${count}`, holder, ttl: 60_000, sessions: 8 });
};

/** Nothing at the server has to do with a role that is not there any more, and nobody without the mark has changed. */
async function isClean(t: Test): Promise<void> {
  t.equal(await value(root, "SELECT count(*)::int FROM pg_roles WHERE rolname ~ '^gh_'"), 0, "no users");
  t.equal(
    await value(
      root,
      `SELECT count(*)::int FROM pg_shdepend s WHERE refclassid = 'pg_authid'::regclass
       AND NOT EXISTS (SELECT FROM pg_authid a WHERE a.oid = s.refobjid)`,
    ),
    0,
    "nothing that a dropped role owns",
  );
  t.equal(
    await value(
      root,
      "SELECT count(*)::int FROM pg_auth_members WHERE NOT EXISTS (SELECT FROM pg_authid a WHERE a.oid = member)",
    ),
    0,
    "no memberships of dropped roles",
  );
  t.equal(await value(root, "SELECT count(*)::int FROM pg_prepared_xacts"), 0, "no prepared transactions");
}

const OWNED = `
  CREATE SCHEMA own; CREATE TABLE own.things (id serial PRIMARY KEY, note text DEFAULT 'x');
  CREATE FUNCTION own.bang() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''ran''; END';
  CREATE TRIGGER bang BEFORE DELETE OR UPDATE ON own.things FOR EACH ROW EXECUTE FUNCTION own.bang();
  INSERT INTO own.things (note) VALUES ('one');
  CREATE VIEW own.seen AS SELECT * FROM own.things; CREATE MATERIALIZED VIEW own.kept AS SELECT * FROM own.things;
  CREATE RULE r AS ON DELETE TO own.things DO INSTEAD NOTHING;
  CREATE POLICY p ON own.things USING (true);
  CREATE TYPE own.mood AS ENUM ('good'); CREATE TYPE own.pair AS (a int, b int);
  CREATE TYPE own.span AS RANGE (subtype = int);
  CREATE DOMAIN own.short AS text CHECK (length(value) < 9);
  CREATE TABLE public.typed (s own.short, m own.mood);
  CREATE FUNCTION own.plus(int, own.mood) RETURNS int LANGUAGE sql AS 'SELECT $1';
  CREATE OPERATOR own.+ (LEFTARG = int, RIGHTARG = own.mood, FUNCTION = own.plus);
  CREATE COLLATION own.c FROM "C";
  CREATE STATISTICS own.st ON id, note FROM own.things;
  CREATE TEXT SEARCH CONFIGURATION own.ts (COPY = simple);
  CREATE AGGREGATE own.total (int) (SFUNC = int4pl, STYPE = int);
  CREATE PUBLICATION pub_own FOR TABLE own.things;
  ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
  ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO orders_read;
  SELECT lo_create(0); GRANT SELECT ON own.things TO orders_read;`;

t.test("what it owns in two databases goes with it, and nothing of it is run", async (t) => {
  const user = await minted();
  for (const database of ["postgres", "second"]) {
    const client = await clientOf(t, server, user, database);
    await client.query(OWNED.replaceAll("pub_own", `pub_${database}`));
  }
  const [removal] = await provisioner.remove(target, [user.name]);
  t.match(removal, { name: user.name, outcome: "removed" });
  t.ok(removal?.owned.includes("table own.things in database second"), "it says what there was");
  await isClean(t);
  t.equal(await value(second, "SELECT count(*)::int FROM pg_namespace WHERE nspname = 'own'"), 0);
  t.equal(await value(root, "SELECT count(*)::int FROM pg_largeobject_metadata"), 0);
  t.equal(await value(root, "SELECT count(*)::int FROM pg_default_acl"), 0);
});

t.test("many at once, some of which are connected, own things, or are not there", async (t) => {
  const users = await Promise.all(Array.from({ length: 12 }, minted));
  const clients = await Promise.all(users.slice(0, 6).map((user) => clientOf(t, server, user)));
  const ended = Promise.all(
    clients.map((client) => new Promise<void>((resolve) => client.once("end", () => resolve()))),
  );
  await clients[0]?.query("CREATE TABLE public.left_behind ()");
  const names = users.map(({ name }) => name);
  const removals = await provisioner.remove(target, [...names, "gh_0k3y2b9z_never", names[0] ?? ""]);
  t.same(new Set(removals.map(({ outcome }) => outcome)), new Set(["removed"]));
  t.equal(removals.length, 13);
  await ended;
  t.same(
    await provisioner.remove(target, names),
    names.map((name) => ({ name, outcome: "removed", owned: [] })),
  );
  await isClean(t);
});

t.test("what has no mark, or no name of the gateway's form, is not touched", async (t) => {
  await root.query(`CREATE ROLE gh_0k3y2b9z_unmarked LOGIN; CREATE ROLE marked LOGIN; GRANT gatehouse_minted TO marked;
    CREATE ROLE "gh_Marked-as-well" LOGIN; GRANT gatehouse_minted TO "gh_Marked-as-well"`);
  const names = [
    "gh_0k3y2b9z_unmarked",
    "marked",
    "gh_Marked-as-well",
    "gatehouse_minted",
    "gatehouse_admin",
    "postgres",
  ];
  const before = await root.query("SELECT * FROM pg_authid ORDER BY oid");
  await provisioner.remove(target, names);
  await provisioner.renew(target, names, 60_000);
  const after = await root.query("SELECT * FROM pg_authid ORDER BY oid");
  t.same(after.rows, before.rows);
  await root.query('DROP ROLE gh_0k3y2b9z_unmarked, marked, "gh_Marked-as-well"');
});

t.test("it is kept, without rights, where others rest on what it owns", async (t) => {
  const user = await minted();
  const other = await minted();
  const client = await clientOf(t, server, user);
  await client.query("CREATE TABLE public.base (a int); GRANT SELECT ON public.base TO PUBLIC");
  await (await clientOf(t, server, other)).query("CREATE TABLE public.others ()");
  await root.query("CREATE VIEW public.resting AS SELECT * FROM public.base");
  const removals = await provisioner.remove(target, [user.name, other.name]);
  t.match(removals, [
    { outcome: "kept", reason: /view (public\.)?resting depends on table (public\.)?base/ },
    { outcome: "removed" },
  ]);
  const { rows } = await root.query(
    `SELECT rolcanlogin, rolpassword, (SELECT count(*)::int FROM pg_auth_members WHERE member = r.oid) AS memberships
     FROM pg_authid r WHERE rolname = $1`,
    [user.name],
  );
  t.same(rows, [{ rolcanlogin: false, rolpassword: null, memberships: 1 }]);
  await root.query("DROP VIEW public.resting");
  t.match(await provisioner.remove(target, [user.name]), [{ outcome: "removed" }]);
  await isClean(t);
});

t.test("a transaction that it has prepared is rolled back, in whichever database", async (t) => {
  const user = await minted();
  for (const [index, database] of ["postgres", "second"].entries()) {
    const client = await clientOf(t, server, user, database);
    // Its own row is locked by it, and with that the way to NOLOGIN.
    const locking = index === 0 ? `ALTER ROLE ${user.name} PASSWORD 'another';` : "";
    await client.query(
      `BEGIN; CREATE TABLE public.prepared (); ${locking} PREPARE TRANSACTION 'it''s ${database}'`,
    );
  }
  t.match(await provisioner.remove(target, [user.name]), [{ outcome: "removed" }]);
  await isClean(t);
});

t.test("a session that holds its own row open does not keep it", async (t) => {
  const user = await minted();
  const client = await clientOf(t, server, user);
  await client.query("BEGIN");
  await client.query(`ALTER ROLE ${user.name} PASSWORD 'another'`);
  t.match(await provisioner.remove(target, [user.name]), [{ outcome: "removed" }]);
  await isClean(t);
});

t.test("memberships that it has granted, and that it was given since, go with it", async (t) => {
  const user = await minted();
  await root.query(`CREATE ROLE friend; CREATE ROLE loaned; GRANT loaned TO ${user.name} WITH ADMIN OPTION`);
  const client = await clientOf(t, server, user);
  await client.query("GRANT loaned TO friend");
  // Before PostgreSQL 15 a role may give itself to others.
  if (version < 150_000) await client.query(`GRANT ${user.name} TO friend`);
  t.match(await provisioner.remove(target, [user.name]), [{ outcome: "removed" }]);
  t.equal(
    await value(
      root,
      "SELECT count(*)::int FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE rolname ~ '^gh_'",
    ),
    0,
  );
  await isClean(t);
  await root.query("DROP ROLE friend, loaned");
});

t.test(
  "a user mapping goes with it; it is kept where a superuser has given it privileges of its own",
  async (t) => {
    const user = await minted();
    await root.query(`CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER away FOREIGN DATA WRAPPER nothing;
    CREATE USER MAPPING FOR ${user.name} SERVER away; GRANT USAGE ON FOREIGN SERVER away TO ${user.name}`);
    t.match(await provisioner.remove(target, [user.name]), [
      { outcome: "kept", reason: "privileges for server away", owned: [/user mapping/] },
    ]);
    await root.query(`REVOKE USAGE ON FOREIGN SERVER away FROM ${user.name}`);
    t.match(await provisioner.remove(target, [user.name]), [{ outcome: "removed" }]);
    await isClean(t);
    await root.query("DROP SERVER away; DROP FOREIGN DATA WRAPPER nothing");
  },
);

t.test("what it has made as the marker is tidied away", async (t) => {
  const user = await minted();
  await root.query(
    "GRANT CREATE ON SCHEMA public TO gatehouse_minted; GRANT CREATE ON SCHEMA public TO PUBLIC",
  );
  const client = await clientOf(t, server, user);
  const planting = client.query("SET ROLE gatehouse_minted; CREATE TABLE public.as_marker ()");
  if (version < 160_000) await planting;
  else await t.rejects(planting, { code: "42501" });
  await provisioner.remove(target, [user.name]);
  await provisioner.tidy(target);
  await provisioner.tidy(target);
  t.equal(await value(root, "SELECT to_regclass('public.as_marker')"), null);
  t.equal(await value(root, "SELECT pg_has_role('gatehouse_admin', 'gatehouse_minted', 'USAGE')"), false);
  await root.query("REVOKE CREATE ON SCHEMA public FROM gatehouse_minted, PUBLIC");
  await isClean(t);
});

t.test("a walsender of its own is ended", async (t) => {
  if (version < 160_000) {
    t.comment("Only a superuser can make such users before PostgreSQL 16, or alter them.");
    return;
  }
  const user = await minted();
  await root.query(`ALTER ROLE ${user.name} REPLICATION`);
  const { host, port } = server;
  // What its types do not know is passed on by pg all the same.
  const options = {
    host,
    port,
    user: user.name,
    password: user.password.reveal(),
    database: "postgres",
    replication: "database",
  };
  const client = new pg.Client(options);
  client.on("error", () => undefined);
  await client.connect();
  const ended = new Promise<void>((resolve) => client.once("end", () => resolve()));
  await client
    .query("CREATE_REPLICATION_SLOT passing TEMPORARY LOGICAL test_decoding")
    .catch(() => undefined);
  t.match(await provisioner.remove(target, [user.name]), [{ outcome: "removed" }]);
  await ended;
  await isClean(t);
});
