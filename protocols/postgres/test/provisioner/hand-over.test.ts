import t from "tap";
import { clientOf, value } from "./support/minting.ts";
import { OWNED, siteOf } from "./support/site.ts";

const { server, root, second, version, provisioner, target, minted, isClean } = await siteOf(t, {
  owned: { handOver: "heir" },
});
await root.query(`CREATE ROLE heir; GRANT heir TO gatehouse_admin ${version < 160_000 ? "" : "WITH INHERIT TRUE, SET TRUE"};
  GRANT CREATE ON DATABASE postgres, second TO gatehouse_admin`);

t.test("data becomes the heir's, in every database, and code goes", async (t) => {
  const user = await minted();
  for (const database of ["postgres", "second"]) {
    const client = await clientOf(t, server, user, database);
    await client.query(OWNED.replaceAll("pub_own", `pub_${database}`));
    await client.query(`
      CREATE FUNCTION own.spy(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS
        'BEGIN IF session_user !~ ''^gh_'' THEN RAISE ''ran''; END IF; RETURN $1; END';
      CREATE FUNCTION own.yes(int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
      CREATE TABLE own.traps (id int PRIMARY KEY CHECK (own.yes(id)), kept text DEFAULT now()::text, at timestamptz DEFAULT clock_timestamp(),
        spied text DEFAULT own.spy('a'), told xml DEFAULT query_to_xml('DELETE FROM orders', true, true, ''),
        CONSTRAINT small CHECK (id < 1000), CONSTRAINT told CHECK (query_to_xml('SELECT 1', true, true, '') IS NOT NULL));
      CREATE INDEX trap ON own.traps ((own.spy(kept)));
      CREATE INDEX fine ON own.traps ((lower(kept)));
      CREATE TABLE own.whole (id int) PARTITION BY RANGE (id); CREATE TABLE own.part PARTITION OF own.whole FOR VALUES FROM (0) TO (9);
      CREATE TRIGGER bang BEFORE UPDATE ON own.part FOR EACH ROW EXECUTE FUNCTION own.bang();
      CREATE TRIGGER bangs AFTER INSERT ON own.whole FOR EACH ROW EXECUTE FUNCTION own.bang();
      CREATE VIEW own.seen_twice AS SELECT own.spy(note) FROM own.seen;
      CREATE PROCEDURE own.act() LANGUAGE sql AS 'SELECT 1'`);
    if (version >= 130_000) {
      await client.query(
        "ALTER TABLE own.traps ADD COLUMN derived text GENERATED ALWAYS AS (own.spy('x')) STORED",
      );
    }
  }
  const [removal] = await provisioner.remove(target, [user.name]);
  t.match(removal, { name: user.name, outcome: "removed" });
  await isClean();
  for (const client of [root, second]) {
    const owned = (catalog: string, name: string, owner: string) =>
      value(
        client,
        `SELECT string_agg(DISTINCT ${name}, ' ' ORDER BY ${name}) FROM ${catalog} WHERE ${owner}::regrole::text = 'heir'`,
      );
    t.equal(
      await owned("pg_class", "relname", "relkind IN ('r', 'p', 'S', 'v', 'm', 'f') AND relowner"),
      "part things things_id_seq traps typed whole",
    );
    t.equal(await owned("pg_proc", "proname", "proowner"), null);
    t.equal(await owned("pg_namespace", "nspname", "nspowner"), "own");
    t.equal(await owned("pg_largeobject_metadata", "lomowner::regrole::text", "lomowner"), "heir");
    t.equal(await owned("pg_operator", "oprname", "oprowner"), null);
    t.equal(await value(client, "SELECT count(*)::int FROM pg_trigger WHERE NOT tgisinternal"), 0);
    t.equal(await value(client, "SELECT count(*)::int FROM pg_policy"), 0);
    t.equal(await value(client, "SELECT note FROM own.things"), "one");
    t.equal(
      await value(
        client,
        "SELECT string_agg(pg_get_expr(adbin, adrelid), '; ' ORDER BY adnum) FROM pg_attrdef WHERE adrelid = 'own.traps'::regclass",
      ),
      "(now())::text; clock_timestamp()",
    );
    t.equal(
      await value(
        client,
        "SELECT string_agg(conname, ' ') FROM pg_constraint WHERE conrelid = 'own.traps'::regclass AND contype = 'c'",
      ),
      "small",
    );
    await client.query(
      "INSERT INTO own.traps (id) VALUES (1); INSERT INTO own.whole VALUES (1); UPDATE own.whole SET id = 2; DELETE FROM own.things",
    );
    await client.query("INSERT INTO typed VALUES ('longer than nine', 'good')");
  }
  t.equal(await value(root, "SELECT count(*)::int FROM orders"), 1);
});

t.test("where somebody else's view rests on its own code, nothing is changed, and it is kept", async (t) => {
  const user = await minted();
  const client = await clientOf(t, server, user);
  await client.query(
    "CREATE TABLE public.base (a int); CREATE VIEW public.middle AS SELECT * FROM public.base",
  );
  await root.query("CREATE VIEW public.others AS SELECT * FROM public.middle");
  t.match(await provisioner.remove(target, [user.name]), [
    { outcome: "kept", reason: /view (public\.)?others depends on view (public\.)?middle/ },
  ]);
  t.equal(
    await value(root, "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'base'"),
    user.name,
  );
  await root.query("DROP VIEW public.others");
  t.match(await provisioner.remove(target, [user.name]), [{ outcome: "removed" }]);
  t.equal(await value(root, "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'base'"), "heir");
  await isClean();
});
