import { Secret } from "@gatehouse/core";
import { startPostgres } from "@gatehouse/testkit";
import pg from "pg";
import t from "tap";
import { CatalogIndex } from "../../src/catalog/catalog-index.ts";
import { ControlConnection } from "../../src/catalog/control-connection.ts";
import {
  CATALOG_BOUNDS,
  type CatalogBounds,
  readCatalog,
  readFingerprint,
} from "../../src/catalog/read-catalog.ts";
import { leaseOf, targetAt } from "../support/target.ts";

const server = await startPostgres();
t.teardown(() => server.stop());
const own = { host: server.host, port: server.port, ...server.superuser };
const admin = await clientOf("postgres");
t.teardown(() => admin.end());

async function clientOf(database: string): Promise<pg.Client> {
  const client = new pg.Client({ ...own, database });
  await client.connect();
  return client;
}

async function connect(
  { user, password }: { user: string; password: string } = server.superuser,
  database = "postgres",
): Promise<ControlConnection> {
  const target = targetAt([server]);
  const connection = await ControlConnection.open(
    { ...target, settings: { ...target.settings, database } },
    leaseOf(user, new Secret(password)),
  );
  t.teardown(() => connection.close());
  return connection;
}

const never = new AbortController().signal;
const fingerprint = (connection: ControlConnection) => readFingerprint(connection, never, CATALOG_BOUNDS);

async function read(connection: ControlConnection, bounds: CatalogBounds = CATALOG_BOUNDS) {
  return readCatalog(connection, never, bounds, await readFingerprint(connection, never, bounds));
}

async function index(connection: ControlConnection): Promise<CatalogIndex> {
  return new CatalogIndex((await read(connection)).data);
}

t.test("each kind of relation is read, with its columns as they are now", async (t) => {
  await admin.query(`
    CREATE SCHEMA kinds; SET search_path TO kinds;
    CREATE TABLE "Quoted ""one"".x" ("a b" int, gone text, "C.d" int, name name);
    ALTER TABLE "Quoted ""one"".x" DROP COLUMN gone;
    CREATE TABLE none();
    CREATE TABLE people (id int PRIMARY KEY, email text, low text GENERATED ALWAYS AS (lower(email)) STORED,
      one int GENERATED ALWAYS AS (1) STORED);
    CREATE TABLE groups (members people[]);
    CREATE VIEW mails AS SELECT email || '\\' AS mail, lower(low) FROM people;
    CREATE VIEW twice AS SELECT mail FROM mails;
    CREATE MATERIALIZED VIEW kept AS SELECT * FROM twice;
    CREATE SEQUENCE numbers;
    CREATE TYPE pair AS (a int, b text);
    CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing;
    CREATE FOREIGN TABLE far (id int, email text) SERVER elsewhere;
    CREATE TEMP TABLE mine (a int);
    RESET search_path`);
  const catalog = await index(await connect());
  const all = catalog.data.relations.filter(({ schema }) => schema === "kinds");
  t.same(Object.fromEntries(all.map(({ name, kind }) => [name, kind])), {
    'Quoted "one".x': "table",
    none: "table",
    people: "table",
    groups: "table",
    mails: "view",
    twice: "view",
    kept: "materialized view",
    numbers: "sequence",
    pair: "composite type",
    far: "foreign table",
  });
  t.same(
    catalog.relation("kinds", 'Quoted "one".x')?.columns.map(({ name, number }) => [name, number]),
    [
      ["a b", 1],
      ["C.d", 3],
      ["name", 4],
    ],
    "a dropped column leaves its number",
  );
  t.same(catalog.relation("kinds", "none")?.columns, []);
  const people = catalog.relation("kinds", "people");
  t.same(
    people?.columns.map(({ name, generatedFrom }) => [name, generatedFrom]),
    [
      ["id", undefined],
      ["email", undefined],
      ["low", [2]],
      ["one", [1, 2, 3]],
    ],
    "where nothing is known to go into it, anything may",
  );
  const [members] = catalog.relation("kinds", "groups")?.columns ?? [];
  const row = catalog.type(catalog.type(members?.type ?? 0)?.element ?? 0);
  t.match(row, { kind: "composite", relation: people?.id }, "from an array of rows to their table");
  t.same(
    catalog.relation("kinds", "numbers")?.columns.map(({ name }) => name),
    ["last_value", "log_cnt", "is_called"],
  );
  t.notOk(
    catalog.data.relations.some(({ name }) => name === "mine"),
    "a temporary table is its session's",
  );
  t.notOk(catalog.data.relations.some(({ schema }) => schema.startsWith("pg_toast")));
  await admin.query("DROP TABLE mine");
});

t.test("a view's text has all names with their schemas, whatever the role's settings are", async (t) => {
  const password = "guessed by nobody";
  await admin.query(`
    CREATE ROLE nobody LOGIN PASSWORD '${password}';
    ALTER ROLE nobody SET search_path TO kinds;
    ALTER ROLE nobody SET standard_conforming_strings TO off;
    ALTER ROLE nobody SET quote_all_identifiers TO on`);
  const reading = await read(await connect({ user: "nobody", password }));
  const catalog = new CatalogIndex(reading.data);
  const text = (name: string) => catalog.relation("kinds", name)?.definition?.replaceAll(/\s+/g, " ").trim();
  t.match(text("mails"), / AS mail, .* FROM kinds\.people$/);
  t.match(text("mails"), String.raw`'\'::text`);
  t.match(text("twice"), / FROM kinds\.mails$/);
  t.match(text("kept"), / FROM kinds\.twice$/);
  const { data } = await read(await connect());
  t.equal(reading.data.version, data.version, "a role without rights reads the same as the superuser");
  t.ok(reading.complete);
});

t.test("partitions and children know their parents", async (t) => {
  await admin.query(`
    CREATE SCHEMA family; SET search_path TO family;
    CREATE TABLE measured (at int, value text) PARTITION BY RANGE (at);
    CREATE TABLE early PARTITION OF measured FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (at);
    CREATE TABLE earliest PARTITION OF early FOR VALUES FROM (0) TO (5);
    CREATE TABLE a (x int); CREATE TABLE b (y int); CREATE TABLE ab (z int) INHERITS (b, a);
    RESET search_path`);
  const catalog = await index(await connect());
  const relatives = (name: string) =>
    catalog
      .relatives(catalog.relation("family", name)?.id ?? 0)
      .map((relation) => relation.name)
      .sort();
  t.same(relatives("measured"), ["earliest", "early"]);
  t.same(relatives("early"), ["earliest", "measured"]);
  t.same(relatives("earliest"), ["early", "measured"]);
  t.same(relatives("ab"), ["a", "b"]);
  t.same(relatives("a"), ["ab"]);
  const ab = catalog.relation("family", "ab");
  t.same(
    ab?.columns.map(({ name }) => name),
    ["y", "x", "z"],
  );
  t.same(
    ab?.parents.map((id) => catalog.relationById(id)?.name),
    ["b", "a"],
    "in their order",
  );
});

t.test("rules, triggers and row security are seen; a foreign key's own triggers are none", async (t) => {
  await admin.query(`
    CREATE SCHEMA sides; SET search_path TO sides;
    CREATE TABLE parent (id int PRIMARY KEY);
    CREATE TABLE plain (id int REFERENCES parent);
    CREATE TABLE ruled (id int); CREATE RULE also AS ON INSERT TO ruled DO ALSO SELECT 1;
    CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TABLE watched (id int); CREATE TRIGGER w BEFORE INSERT ON watched EXECUTE FUNCTION watch();
    CREATE TABLE guarded (id int); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
    CREATE VIEW simple AS SELECT 1 AS one; CREATE VIEW instead AS SELECT 1 AS one;
    CREATE RULE instead AS ON INSERT TO instead DO INSTEAD NOTHING;
    RESET search_path`);
  const catalog = await index(await connect());
  const flags = (name: string) => {
    const found = catalog.relation("sides", name);
    return [found?.rules, found?.triggers, found?.rowSecurity];
  };
  t.same(flags("plain"), [false, false, false]);
  t.same(flags("ruled"), [true, false, false]);
  t.same(flags("watched"), [false, true, false]);
  t.same(flags("guarded"), [false, false, true]);
  t.same(flags("simple"), [false, false, false]);
  t.same(flags("instead"), [true, false, false]);
});

t.test("routines, types, operators and casts of somebody's own are read", async (t) => {
  await admin.query(`
    CREATE SCHEMA made; SET search_path TO made;
    CREATE DOMAIN email AS text; CREATE DOMAIN work_email AS email;
    CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TYPE span AS RANGE (subtype = int);
    CREATE FUNCTION f(a int, b email DEFAULT 'x', VARIADIC c text[] DEFAULT '{}') RETURNS SETOF work_email
      LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT b::made.work_email';
    CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';
    CREATE PROCEDURE p(INOUT a int) LANGUAGE plpgsql AS 'BEGIN END';
    CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);
    CREATE FUNCTION "eq.uals"(int, text) RETURNS bool LANGUAGE sql AS 'SELECT true';
    CREATE OPERATOR === (LEFTARG = int, RIGHTARG = text, FUNCTION = made."eq.uals");
    CREATE FUNCTION to_mood(int) RETURNS mood LANGUAGE sql AS $$SELECT 'good'::made.mood$$;
    CREATE CAST (int AS mood) WITH FUNCTION to_mood(int);
    CREATE CAST (mood AS bytea) WITH INOUT;
    CREATE FUNCTION pg_catalog.lower(mood) RETURNS text LANGUAGE sql AS $$SELECT 'x'$$;
    RESET search_path`);
  const catalog = await index(await connect());
  const types = new Map(
    catalog.data.types.filter(({ schema }) => schema === "made").map((type) => [type.name, type]),
  );
  const [email, work, mood] = ["email", "work_email", "mood"].map((name) => types.get(name));
  t.match(email, { kind: "domain", base: 25 });
  t.match(work, { kind: "domain", base: email?.id });
  t.equal(mood?.kind, "enum");
  t.equal(types.get("span")?.kind, "range");
  t.equal(types.get("_mood")?.element, mood?.id);
  t.match(catalog.routines("made", "f"), [
    {
      kind: "function",
      arguments: "a integer, b made.email, VARIADIC c text[]",
      language: "sql",
      volatility: "stable",
      securityDefiner: true,
      returns: work?.id,
      returnsSet: true,
    },
    {
      kind: "function",
      arguments: "",
      language: "plpgsql",
      volatility: "immutable",
      securityDefiner: false,
      returns: 23,
      returnsSet: false,
    },
  ]);
  t.equal(catalog.routines("made", "f").length, 2);
  t.equal(catalog.routines("made", "p")[0]?.kind, "procedure");
  t.equal(catalog.routines("made", "total")[0]?.kind, "aggregate");
  t.equal(catalog.routines("pg_catalog", "lower").length, 1, "what somebody has put beside PostgreSQL's own");
  t.same(catalog.routines("pg_catalog", "upper"), []);
  t.same(catalog.data.operators, [{ schema: "made", name: "===", function: 'made."eq.uals"' }]);
  t.same(
    catalog.data.casts.filter(({ source }) => source === 23 || source === mood?.id),
    [{ source: 23, target: mood?.id, function: "made.to_mood" }],
    "one by text calls nothing",
  );
  await admin.query("DROP FUNCTION pg_catalog.lower(made.mood)");
});

t.test("PostgreSQL's own catalogs are read too, with the texts of its views", async (t) => {
  const catalog = await index(await connect());
  const { rows } = await admin.query<{ version: number }>(
    "SELECT current_setting('server_version_num')::int AS version",
  );
  t.equal(catalog.data.serverVersion, rows[0]?.version);
  const columns = (schema: string, name: string) =>
    catalog.relation(schema, name)?.columns.map((column) => column.name);
  t.match(columns("pg_catalog", "pg_class"), ["oid", "relname", "relnamespace"]);
  t.ok(columns("information_schema", "columns")?.includes("column_default"));
  t.match(catalog.relation("pg_catalog", "pg_stats")?.definition, /FROM \(*pg_statistic/);
});

t.test("whatever changes what a reading shows changes the fingerprint", async (t) => {
  await admin.query(`
    CREATE SCHEMA moved; SET search_path TO moved;
    CREATE TABLE t (id int, a text, c text, g text GENERATED ALWAYS AS (a) STORED);
    CREATE VIEW w AS SELECT a FROM t; CREATE TABLE part (at int) PARTITION BY RANGE (at); CREATE TABLE one (at int);
    CREATE TYPE pair AS (a int); CREATE DOMAIN d AS text; CREATE TABLE other (b text);
    CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`);
  const connection = await connect();
  let before = await read(connection);
  for (const change of [
    "CREATE TABLE fresh (a int)",
    "ALTER TABLE fresh RENAME TO renamed",
    "DROP TABLE renamed",
    "CREATE OR REPLACE VIEW w AS SELECT c AS a FROM t",
    "ALTER TABLE t RENAME COLUMN a TO b",
    "ALTER TABLE t ADD COLUMN more int",
    "ALTER TABLE t DROP COLUMN more",
    "ALTER TABLE t ALTER COLUMN id TYPE bigint",
    "ALTER TABLE t ALTER COLUMN g SET EXPRESSION AS (c)",
    "ALTER TABLE t ADD COLUMN v text GENERATED ALWAYS AS (b) VIRTUAL",
    "ALTER TABLE t ALTER COLUMN v SET EXPRESSION AS (c)",
    "ALTER TABLE t DROP COLUMN v",
    "ALTER TABLE t ALTER COLUMN g DROP EXPRESSION",
    "ALTER TABLE part ATTACH PARTITION one FOR VALUES FROM (0) TO (1)",
    "ALTER TABLE part DETACH PARTITION one",
    "ALTER TABLE part ATTACH PARTITION one DEFAULT",
    "CREATE TABLE child (LIKE t INCLUDING GENERATED)",
    "ALTER TABLE child INHERIT t",
    "ALTER TABLE child NO INHERIT t",
    "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    "CREATE RULE r AS ON INSERT TO t DO ALSO SELECT 1",
    "DROP RULE r ON t",
    "CREATE TRIGGER g BEFORE INSERT ON t EXECUTE FUNCTION watch()",
    "DROP TRIGGER g ON t",
    "ALTER FUNCTION f(int) SECURITY DEFINER",
    "CREATE OR REPLACE FUNCTION f(int) RETURNS int VOLATILE LANGUAGE plpgsql AS 'BEGIN RETURN 2; END'",
    "ALTER FUNCTION f(int) RENAME TO h",
    "ALTER DOMAIN d RENAME TO e",
    "ALTER TYPE pair ADD ATTRIBUTE b text",
    "ALTER TYPE pair RENAME TO couple",
    "CREATE FUNCTION eq(int, text) RETURNS bool LANGUAGE sql AS 'SELECT true'",
    "CREATE OPERATOR ==== (LEFTARG = int, RIGHTARG = text, FUNCTION = eq)",
    "CREATE FUNCTION couple(int) RETURNS couple LANGUAGE sql AS $$SELECT ROW(1, 'x')::moved.couple$$",
    "CREATE CAST (int AS couple) WITH FUNCTION couple(int)",
    "DROP CAST (int AS couple)",
    "CREATE MATERIALIZED VIEW m AS SELECT 1 AS one",
    "ALTER TABLE t SET SCHEMA public",
    "ALTER TABLE public.t SET SCHEMA moved",
    "ALTER SCHEMA moved RENAME TO away",
    "ALTER SCHEMA away RENAME TO moved",
  ]) {
    await admin.query(change);
    const after = await read(connection);
    t.not(after.data.version, before.data.version, `${change}: another reading`);
    t.not(after.fingerprint, before.fingerprint, `${change}: another fingerprint`);
    before = after;
  }
  for (const change of [
    "INSERT INTO other VALUES ('x')",
    "ANALYZE other",
    "CREATE TEMP TABLE mine (a int)",
    "DROP TABLE mine",
    "BEGIN; ALTER TABLE t ADD COLUMN never int; ROLLBACK",
  ]) {
    await admin.query(change);
    t.equal(await fingerprint(connection), before.fingerprint, change);
  }
  await admin.query("RESET search_path");
  t.equal(await fingerprint(await connect()), before.fingerprint, "by another connection");
});

t.test("a table that is being altered keeps nothing from being read but the views on it", async (t) => {
  await admin.query(`
    CREATE SCHEMA held; CREATE TABLE held.t (a int); CREATE TABLE held.other (a int);
    CREATE VIEW held.w AS SELECT a FROM held.t; CREATE VIEW held.beside AS SELECT a FROM held.other;
    CREATE VIEW held.above AS SELECT a FROM held.w`);
  const connection = await connect();
  const before = await fingerprint(connection);
  await admin.query("BEGIN; ALTER TABLE held.t RENAME COLUMN a TO b");
  t.equal(await fingerprint(connection), before, "nothing of it is to be seen yet");
  const during = await read(connection);
  const known = during.data.relations
    .filter(({ schema, kind }) => schema === "held" && kind === "view")
    .map(({ name, definition }) => [name, definition !== undefined]);
  t.same(Object.fromEntries(known), { w: false, beside: true, above: true });
  t.notOk(during.complete);
  await admin.query("COMMIT");
  const after = await read(connection);
  t.ok(after.complete);
  t.match(new CatalogIndex(after.data).relation("held", "w")?.definition, /b AS a/);
});

t.test("a catalog that is too large is not read, and the error says so", async (t) => {
  const unavailable = (message: RegExp) => ({ code: "CATALOG_UNAVAILABLE", message });
  const columns = { ...CATALOG_BOUNDS, columns: 100 };
  await t.rejects(
    read(await connect(), columns),
    unavailable(/^The catalog has \d+ columns, more than the 100 that the gateway reads\.$/),
  );
  const objects = { ...CATALOG_BOUNDS, objects: 100 };
  await t.rejects(read(await connect(), objects), unavailable(/ \d+ \w+, more than the 100 /));
  const connection = await connect();
  const bytes = { ...CATALOG_BOUNDS, bytes: 1_000 };
  await t.rejects(read(connection, bytes), unavailable(/larger than the 1000 bytes/));
  t.notOk(connection.open, "what is left of the answer is not read");
});

t.test("names that are not UTF-8 are not guessed at", async (t) => {
  await admin.query("CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0");
  const bytes = await clientOf("bytes");
  t.teardown(() => bytes.end());
  const connection = await connect(server.superuser, "bytes");
  t.ok((await read(connection)).complete);
  await bytes.query(String.raw`
    DO $$ BEGIN EXECUTE 'CREATE TABLE ' || convert_from('\xff', 'SQL_ASCII') || ' ()'; END $$`);
  await t.rejects(read(connection), { code: /TARGET_REJECTED|CATALOG_UNAVAILABLE/ });
});

t.test("a server that refuses, or is too slow, is left, and says why", async (t) => {
  const refused = await connect();
  const nothing = () => undefined;
  await t.rejects(refused.ask("SELECT 1/0", never, nothing), {
    code: "TARGET_REJECTED",
    message: /division by zero \(SQLSTATE 22012\)/,
  });
  t.notOk(refused.open);
  const slow = await connect();
  const deadline = new AbortController();
  const asked = slow.ask("SELECT 1; SELECT pg_sleep(600)", deadline.signal, nothing);
  deadline.abort();
  await t.rejects(asked, { code: "TARGET_UNREACHABLE", message: /in time/ });
  t.notOk(slow.open);
});
