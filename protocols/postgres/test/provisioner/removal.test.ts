import pg from "pg";
import t from "tap";
import { clientOf, value, wayTo } from "./support/minting.ts";
import { OWNED, siteOf } from "./support/site.ts";

const { server, root, second, version, provisioner, target, minted, isClean } = await siteOf(t);

t.test("what it owns in two databases goes with it, and nothing of it is run", async (t) => {
  const user = await minted();
  for (const database of ["postgres", "second"]) {
    const client = await clientOf(t, server, user, database);
    await client.query(OWNED.replaceAll("pub_own", `pub_${database}`));
  }
  const [removal] = await provisioner.remove(target, [user.name]);
  t.match(removal, { name: user.name, outcome: "removed" });
  t.ok(removal?.owned.includes("table own.things in database second"), "it says what there was");
  await isClean();
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
  await isClean();
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
  await isClean();
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
  await isClean();
});

t.test("a session that holds its own row open does not keep it", async (t) => {
  const user = await minted();
  const client = await clientOf(t, server, user);
  await client.query("BEGIN");
  await client.query(`ALTER ROLE ${user.name} PASSWORD 'another'`);
  t.match(await provisioner.remove(target, [user.name]), [{ outcome: "removed" }]);
  await isClean();
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
  await isClean();
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
    await isClean();
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
  await isClean();
});

t.test("a walsender of its own is ended", async (t) => {
  const user = await minted();
  if (version < 160_000) {
    // Only a superuser can make such users there, or alter them.
    const way = wayTo(target, { memberOf: ["maker"], replication: true });
    t.match(await provisioner.check(way), [{ message: /may not make users that replicate/ }]);
    await provisioner.remove(target, [user.name]);
    return;
  }
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
  await isClean();
});
