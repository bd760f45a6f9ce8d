/** What a statement does that its text does not say, by the catalog of a real server. */
import { startPostgres } from "@gatehouse/testkit";
import { loadModule } from "libpg-query";
import t from "tap";
import type { Analysis, Reading } from "../../src/analysis/analysis.ts";
import { analyze } from "../../src/analysis/analyze.ts";
import { viewFactsOf } from "../../src/analysis/view-facts.ts";
import type { CatalogIndex } from "../../src/catalog/catalog-index.ts";
import { superuser } from "../support/database.ts";
import { catalogOf, parse } from "../support/described.ts";

const SCHEMA = `
  CREATE TABLE people (id int PRIMARY KEY, email text, born date);
  CREATE TABLE letters (id int PRIMARY KEY, writer int REFERENCES people ON DELETE CASCADE ON UPDATE CASCADE);
  CREATE TABLE stamps (id int, letter int REFERENCES letters ON DELETE SET NULL);
  CREATE TABLE plain (id int, note text);
  CREATE VIEW contacts AS SELECT id, email FROM people;
  CREATE VIEW all_contacts AS SELECT * FROM contacts;
  CREATE MATERIALIZED VIEW kept AS SELECT email FROM people;

  CREATE FUNCTION own(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
  CREATE FUNCTION stamped() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE FUNCTION checked(text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 <> ''''';
  CREATE FUNCTION mine(int) RETURNS bool LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT true';

  CREATE VIEW owned AS SELECT own(email) FROM people;
  CREATE VIEW over_owned AS SELECT * FROM owned;
  CREATE VIEW files AS SELECT pg_read_file('/etc/hostname') AS content;
  CREATE TABLE watched (id int);
  CREATE TRIGGER stamp BEFORE UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION stamped();
  CREATE TABLE silenced (id int);
  CREATE TRIGGER stamp BEFORE UPDATE ON silenced FOR EACH ROW EXECUTE FUNCTION stamped();
  ALTER TABLE silenced DISABLE TRIGGER stamp;
  CREATE TABLE defaulted (id int, code text DEFAULT own('x'));
  CREATE TABLE constrained (code text CHECK (checked(code)));
  CREATE TABLE computed (code text, ok bool GENERATED ALWAYS AS (checked(code)) STORED);
  CREATE TABLE indexed (code text);
  CREATE INDEX ON indexed ((checked(code)));
  CREATE DOMAIN code AS text CHECK (checked(VALUE));
  CREATE DOMAIN short_code AS code CHECK (length(VALUE) < 9);
  CREATE TABLE coded (code short_code);
  CREATE TABLE secured (id int);
  ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own_rows ON secured USING (mine(id));
  CREATE TABLE ruled (id int);
  CREATE RULE instead AS ON INSERT TO ruled DO ALSO INSERT INTO plain VALUES (NEW.id);

  CREATE TABLE measured (day date, value int) PARTITION BY RANGE (day);
  CREATE TABLE measured_2026 PARTITION OF measured FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE TRIGGER stamp AFTER INSERT ON measured_2026 FOR EACH ROW EXECUTE FUNCTION stamped();

  CREATE TYPE pair AS (a int, b int);
  CREATE TABLE paired (p pair);
  CREATE TYPE duo AS (a int, b int);
  CREATE TABLE duos (d duo);
  CREATE FUNCTION pair_is(pair, pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
  CREATE OPERATOR === (LEFTARG = pair, RIGHTARG = pair, FUNCTION = pair_is);
  CREATE FUNCTION pair_of(pair) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''''';
  CREATE CAST (pair AS text) WITH FUNCTION pair_of(pair) AS ASSIGNMENT;
  CREATE FUNCTION lower(pair) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''''';

  CREATE SCHEMA other;
  CREATE TABLE other.plain (id int);
  CREATE TABLE other.hidden (id int);
  CREATE FUNCTION other.helper() RETURNS int LANGUAGE sql AS 'SELECT 1';
`;

await loadModule();
const server = await startPostgres();
t.teardown(() => server.stop());
await (await superuser(t, server)).query(SCHEMA);
const catalog: CatalogIndex = await catalogOf(server);

const READING: Reading = { path: ["public"], backslashes: false, touched: false, usesUser: false };

function analysisOf(
  text: string,
  {
    path = ["public"],
    unsettled = false,
    redefined = false,
  }: {
    readonly path?: readonly string[];
    readonly unsettled?: boolean;
    readonly redefined?: boolean;
  } = {},
): Analysis {
  const surroundings = { catalog, unsettled, redefined, viewFacts: viewFactsOf(catalog, parse) };
  return analyze(text, parse(text), { ...READING, path }, surroundings).analysis;
}

t.test("relations behind views are read and changed with them", async (t) => {
  const read = analysisOf("SELECT * FROM all_contacts");
  t.strictSame(read.named, ["public.all_contacts"]);
  t.strictSame(read.reads, ["public.all_contacts", "public.contacts", "public.people"]);
  t.equal(read.access, "read");
  t.strictSame(analysisOf("SELECT * FROM kept").reads, ["public.kept", "public.people"]);
  const changed = analysisOf("UPDATE all_contacts SET email = NULL WHERE id = 1");
  t.strictSame(changed.writes, ["public.all_contacts", "public.contacts", "public.letters", "public.people"]);
  t.ok(analysisOf("SELECT tablename FROM pg_stats").reads.includes("pg_catalog.pg_statistic"));
  t.equal(analysisOf("SELECT tablename FROM pg_stats").access, "read");
});

t.test("a part of a table is the table, and the table its parts", async (t) => {
  const { reads } = analysisOf("SELECT * FROM measured");
  t.strictSame(reads, ["public.measured", "public.measured_2026"]);
  t.strictSame(analysisOf("SELECT * FROM measured_2026").reads, reads);
});

t.test("foreign keys take a change further", async (t) => {
  t.strictSame(analysisOf("DELETE FROM people WHERE id = 1").writes, [
    "public.letters",
    "public.people",
    "public.stamps",
  ]);
  t.strictSame(analysisOf("UPDATE people SET id = 2").writes, ["public.letters", "public.people"]);
  t.strictSame(analysisOf("INSERT INTO people VALUES (1)").writes, ["public.people"]);
  t.strictSame(analysisOf("TRUNCATE people CASCADE").writes, [
    "public.letters",
    "public.people",
    "public.stamps",
  ]);
});

t.test("functions of somebody's own make it unknown, however they come to run", async (t) => {
  const cases: readonly (readonly [text: string, names: readonly string[], otherwise: string])[] = [
    ["SELECT own('x')", ["public.own"], "read"],
    ["SELECT * FROM owned", ["public.own"], "read"],
    ["SELECT * FROM over_owned", ["public.own"], "read"],
    ["UPDATE watched SET id = 2", ["public.stamped"], "write"],
    ["INSERT INTO measured VALUES (now(), 1)", ["public.stamped"], "write"],
    ["COPY measured FROM STDIN", ["public.stamped"], "write"],
    ["INSERT INTO defaulted (id) VALUES (1)", ["public.own"], "write"],
    ["INSERT INTO constrained VALUES ('a')", ["public.checked"], "write"],
    ["INSERT INTO computed VALUES ('a')", ["public.checked"], "write"],
    ["UPDATE indexed SET code = 'b'", ["public.checked"], "write"],
    ["INSERT INTO coded VALUES ('a')", ["public.checked"], "write"],
    ["SELECT 'a'::short_code", ["public.checked"], "read"],
    ["SELECT '{a}'::code[]", ["public.checked"], "read"],
    ["SELECT ROW('a')::coded", ["public.checked"], "read"],
    ["SELECT json_populate_record(NULL::coded, '{}')", ["public.checked"], "read"],
    ["SELECT * FROM json_to_recordset('[]') AS x (a code)", ["public.checked"], "read"],
    ["SELECT json_value('1', '$' RETURNING code)", ["public.checked"], "read"],
    ["SELECT * FROM json_table('1', '$' COLUMNS (a code PATH '$')) t", ["public.checked"], "read"],
    ["SELECT * FROM xmltable('/a' PASSING (xml '<a/>') COLUMNS a code PATH '.')", ["public.checked"], "read"],
    ["SELECT xmlserialize(CONTENT (xml '<a/>') AS code)", ["public.checked"], "read"],
    // A parameter may be of any type, and so be cast.
    ["PREPARE p (code) AS SELECT $1", ["public.checked", "public.pair_of"], "read"],
    ["SELECT * FROM secured", ["public.mine"], "read"],
    ["SELECT p === p FROM paired", ["public.pair_is", "public.pair_of"], "read"],
    ["SELECT p OPERATOR(public.===) p FROM paired", ["public.pair_is", "public.pair_of"], "read"],
    ["SELECT p::text FROM paired", ["public.pair_of"], "read"],
    ["INSERT INTO plain (note) SELECT p FROM paired", ["public.pair_of"], "write"],
    ["SELECT (p).pair_of FROM paired", ["public.pair_of"], "read"],
    ["SELECT lower(note) FROM plain", ["public.lower"], "read"],
    ["PREPARE p AS UPDATE watched SET id = 2", ["public.stamped"], "write"],
    ["WITH a AS (UPDATE watched SET id = 2 RETURNING id) SELECT * FROM a", ["public.stamped"], "write"],
    [
      "MERGE INTO watched USING plain ON false WHEN MATCHED THEN UPDATE SET id = 1",
      ["public.stamped"],
      "write",
    ],
    ["INSERT INTO watched VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 2", ["public.stamped"], "write"],
  ];
  for (const [text, names, otherwise] of cases) {
    const { access, userFunctions, functions } = analysisOf(text);
    t.equal(access, "unknown", text);
    t.strictSame(userFunctions, { names, otherwise }, text);
    for (const name of names) t.ok(functions.includes(name), text);
  }
});

t.test("what does not run is not held against a statement", async (t) => {
  for (const [text, access] of [
    ["SELECT * FROM watched", "read"],
    ["INSERT INTO watched VALUES (1)", "write"],
    ["DELETE FROM watched WHERE id = 1", "write"],
    ["UPDATE silenced SET id = 2", "write"],
    ["EXPLAIN UPDATE watched SET id = 2", "read"],
    ["SELECT * FROM coded", "read"],
    ["DROP DOMAIN code", "ddl"],
    ["COMMENT ON DOMAIN code IS 'x'", "ddl"],
    ["SELECT * FROM kept", "read"],
    ["SELECT note || 'x' FROM plain WHERE id = 3", "read"],
    ["SELECT information_schema._pg_truetypid(a, t) FROM pg_attribute a, pg_type t", "read"],
    ["SELECT * FROM information_schema.columns", "read"],
    ["SELECT (d).a FROM duos", "read"],
  ] as const) {
    t.equal(analysisOf(text).access, access, text);
  }
});

t.test("what can't be told is unknown, and no list of functions makes it known", async (t) => {
  const ruled = analysisOf("INSERT INTO ruled VALUES (1)");
  t.equal(ruled.access, "unknown");
  t.equal(ruled.userFunctions, undefined);
});

t.test("what a prepared statement's parameters are, running it makes of them", async (t) => {
  const [prepared] = analysisOf("PREPARE p (short_code) AS SELECT $1").effects;
  t.match(prepared, { kind: "prepare", body: { access: "unknown" } });
});

t.test("a view does what its text does", async (t) => {
  const { access, functionKinds } = analysisOf("SELECT * FROM files");
  t.equal(access, "admin");
  t.ok(functionKinds.includes("files"));
});

t.test("a name means what the server finds first", async (t) => {
  const path = ["other", "public"];
  t.strictSame(analysisOf("SELECT * FROM plain", { path }).named, ["other.plain"]);
  t.strictSame(analysisOf("SELECT * FROM people", { path }).named, ["public.people"]);
  t.strictSame(analysisOf("SELECT own('x')", { path }).userFunctions?.names, ["public.own"]);
  t.strictSame(analysisOf("SELECT * FROM nowhere", { path }).named, ["other.nowhere", "public.nowhere"]);
  t.strictSame(analysisOf("SELECT * FROM people", { path, unsettled: true }).named, [
    "other.people",
    "public.people",
  ]);
});

t.test(
  "behind a trigger, a function or a view that the session has just made, nothing is known",
  async (t) => {
    for (const text of [
      "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "CREATE TRIGGER x AFTER INSERT ON plain EXECUTE FUNCTION stamped()",
      "CREATE VIEW v AS SELECT 1",
      "CREATE TABLE c () INHERITS (plain)",
      "ALTER TABLE measured ATTACH PARTITION plain DEFAULT",
      "CREATE SCHEMA s CREATE VIEW v AS SELECT 1",
      "ALTER TABLE silenced ENABLE TRIGGER stamp",
      "CREATE EXTENSION citext",
      "DO 'BEGIN END'",
      "CREATE TABLE c (LIKE plain)",
      "CREATE TABLE c (code short_code)",
      "CREATE TABLE c AS SELECT code FROM coded",
      "CREATE TABLE c (x text DEFAULT set_config('search_path', 'other', false))",
      "ALTER TABLE watched RENAME TO w",
      "ALTER SCHEMA other RENAME TO o",
    ])
      t.ok(analysisOf(text).defines, text);
    for (const text of [
      "CREATE TABLE c (id int)",
      "CREATE TABLE c AS SELECT 1",
      "ALTER TABLE plain ADD COLUMN x int DEFAULT 3, DROP COLUMN note",
      "CREATE INDEX ON plain (id)",
      "ALTER TABLE plain RENAME note TO remark",
      "DROP TABLE plain",
      "SELECT 1",
    ])
      t.notOk(analysisOf(text).defines, text);
    t.ok(
      analysisOf("ALTER TABLE plain ALTER note SET DEFAULT own('x')").defines,
      "it calls what is not known",
    );
    t.equal(analysisOf("SELECT * FROM plain", { redefined: true }).access, "unknown");
    t.equal(analysisOf("COMMIT", { redefined: true }).access, "read");
    t.equal(analysisOf("ALTER TABLE silenced ENABLE TRIGGER stamp; SELECT id FROM plain").access, "unknown");
    t.equal(analysisOf("CREATE TABLE c (id int); INSERT INTO c VALUES (1)").access, "ddl");
  },
);

t.test("kinds of functions, locks and limits", async (t) => {
  t.strictSame(analysisOf("SELECT mine(1), random()").functionKinds, [
    "security definer",
    "user-defined",
    "volatile",
  ]);
  t.strictSame(analysisOf("SELECT set_config('a.b', 'c', true)").functionKinds, ["settings", "volatile"]);
  const locks: readonly (readonly [string, readonly string[]])[] = [
    ["SELECT * FROM plain", []],
    ["SELECT * FROM plain FOR UPDATE", ["ROW SHARE"]],
    ["WITH a AS (DELETE FROM plain RETURNING id) SELECT * FROM a", ["ROW EXCLUSIVE"]],
    ["LOCK TABLE plain IN SHARE ROW EXCLUSIVE MODE", ["SHARE ROW EXCLUSIVE"]],
    ["LOCK plain", ["ACCESS EXCLUSIVE"]],
    ["ALTER TABLE plain ADD x int", ["ACCESS EXCLUSIVE"]],
    ["CREATE INDEX ON plain (id)", ["SHARE"]],
    ["CREATE INDEX CONCURRENTLY ON plain (id)", ["SHARE UPDATE EXCLUSIVE"]],
    ["REINDEX (CONCURRENTLY off) TABLE plain", ["ACCESS EXCLUSIVE"]],
    ["VACUUM plain", ["SHARE UPDATE EXCLUSIVE"]],
    ["VACUUM (FULL) plain", ["ACCESS EXCLUSIVE"]],
    ["CREATE TABLE x (id int REFERENCES people)", ["SHARE ROW EXCLUSIVE"]],
    ["REFRESH MATERIALIZED VIEW kept", ["ACCESS EXCLUSIVE"]],
    ["CREATE OR REPLACE VIEW contacts AS SELECT id, email FROM people", ["ACCESS EXCLUSIVE"]],
    ["CREATE PUBLICATION p FOR TABLE plain", ["SHARE UPDATE EXCLUSIVE"]],
    ["ALTER SEQUENCE s RESTART", ["SHARE ROW EXCLUSIVE"]],
    ["ALTER DOMAIN code VALIDATE CONSTRAINT code_check", ["SHARE"]],
  ];
  for (const [text, taken] of locks) t.strictSame(analysisOf(text).locks, taken, text);
  for (const text of [
    "SELECT * FROM plain",
    "SELECT 1 FROM plain LIMIT ALL",
    "TABLE plain UNION TABLE plain",
    "SELECT unnest(ARRAY(SELECT id FROM plain))",
  ])
    t.ok(analysisOf(text).unlimited, text);
  for (const text of [
    "SELECT 1",
    "SELECT (SELECT max(id) FROM plain)",
    "SELECT * FROM plain LIMIT 3",
    "TABLE plain FETCH FIRST ROW ONLY",
    "VALUES (1)",
  ])
    t.notOk(analysisOf(text).unlimited, text);
});
