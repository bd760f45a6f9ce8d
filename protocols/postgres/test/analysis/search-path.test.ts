import { startPostgres } from "@gatehouse/testkit";
import { loadModule, parseSync } from "libpg-query";
import pg from "pg";
import t from "tap";
import type { Reading } from "../../src/analysis/analysis.ts";
import { analyze } from "../../src/analysis/analyze.ts";
import { schemasIn } from "../../src/analysis/search-path.ts";

await loadModule();

function analysisIn(path: readonly string[], text: string, rest: Partial<Reading> = {}) {
  const reading = { path, backslashes: false, touched: false, usesUser: false, ...rest };
  return analyze(text, parseSync(text).stmts ?? [], reading).analysis;
}

t.test("a name may be in any schema of the path", async (t) => {
  t.match(analysisIn(["app", "public"], "select f(x) from a"), {
    reads: ["app.a", "public.a"],
    functions: ["app.f", "public.f"],
  });
  t.match(analysisIn(["app", "public"], "drop table a"), { writes: ["app.a", "public.a"] });
  t.match(analysisIn(["app", "public"], "select * from public.a"), { reads: ["public.a"] });
  t.strictSame(analysisIn(["sales.eu"], "select * from a, pg_class, b.c").reads, [
    '"sales.eu".a',
    "b.c",
    "pg_catalog.pg_class",
  ]);
});

t.test("without a schema in the path, only temporary objects have no schema", async (t) => {
  t.match(analysisIn([], "select f(x), lower(x) from a, pg_class"), {
    access: "unknown",
    reads: ["pg_catalog.pg_class", "pg_temp.a"],
    functions: ["pg_catalog.f", "pg_catalog.lower"],
  });
});

t.test("what PostgreSQL brings is its own while pg_catalog comes first", async (t) => {
  for (const path of [["public"], ["pg_catalog", "public"]]) {
    t.match(analysisIn(path, "select lower(x) || 'a' from pg_class where x::text = 'b'"), {
      access: "read",
      reads: ["pg_catalog.pg_class"],
      functions: ["pg_catalog.lower"],
    });
  }
});

t.test("what PostgreSQL brings may be hidden where pg_catalog comes later", async (t) => {
  const inPath = (text: string) => analysisIn(["app", "pg_catalog", "public"], text);
  t.match(inPath("select * from pg_class"), {
    access: "read",
    reads: ["app.pg_class", "pg_catalog.pg_class"],
  });
  t.match(inPath("select lower(pg_catalog.upper($1))"), {
    access: "unknown",
    functions: ["app.lower", "pg_catalog.lower", "pg_catalog.upper"],
  });
  t.match(inPath("delete from pg_settings"), { unsupported: /pg_settings/ });
  for (const text of [
    "select a + b",
    "select - a",
    "select a like b",
    "select a in (1, 2)",
    "select a in (select 1)",
    "select a between 1 and 2",
    "select a is distinct from b",
    "select nullif(a, b)",
    "select (a, b) = (c, d)",
    "select a = any (b)",
    "select case a when 1 then 2 end",
    "select 1 from a join b using (x)",
    "select 1 from a natural join b",
    "select 1 from a order by x using <",
    "select a::text",
    "select name 'x'",
    "select * from a tablesample system (1)",
    "select set_config('datestyle', 'iso', false)",
    "select (a).lower",
  ]) {
    t.equal(inPath(text).access, "unknown", text);
  }
  for (const text of [
    "select a and not b",
    "select a operator(pg_catalog.+) b",
    "select a::int, a::pg_catalog.text",
    "select case when a then 1 end, coalesce(a, b), a is null",
    "select 1 from a cross join b order by x desc",
    "select extract(year from a), current_user, trim(a)",
  ]) {
    t.equal(inPath(text).access, "read", text);
  }
});

t.test("a SET in the text holds for the statements behind it", async (t) => {
  const reads = (text: string) => analysisIn(["public"], text).reads;
  t.strictSame(reads("select from a; set search_path = b, C, \"D\", 'E f', '', 1; select from x"), [
    "1.x",
    "D.x",
    "E f.x",
    "b.x",
    "c.x",
    "public.a",
  ]);
  t.strictSame(reads("set local search_path to b; set schema 'c'; select from x"), ["c.x"]);
  t.strictSame(reads("set search_path = ''; select from x"), ["pg_temp.x"]);
  t.strictSame(reads(`set search_path = '${"ö".repeat(40)}'; select from x`), [`${"ö".repeat(31)}.x`]);
  t.equal(analysisIn(["public"], "set search_path = app, pg_catalog; select 1 + 1").access, "unknown");
});

const uncertain = /names something without its schema/;

t.test("behind a change that the text does not spell out, no name is certain", async (t) => {
  for (const change of [
    "reset search_path",
    "set search_path to default",
    'set search_path = "$user", public',
    "select set_config('search_path', 'b', false)",
    "select set_config('search_path', $1, false)",
    "reset all",
    "set search_path = b; commit",
    "set local search_path = b; rollback",
    "set search_path = b; rollback to s",
    "set search_path from current; rollback",
    "explain select set_config('search_path', 'b', false)",
  ]) {
    const behind = (text: string) => analysisIn(["public"], `${change}; ${text}`).unsupported;
    for (const text of [
      "select from a",
      "select f()",
      "select lower('x')",
      "select 1 + 1",
      "select 'x'::text",
    ])
      t.match(behind(text), uncertain, `${change}; ${text}`);
    for (const text of [
      "drop table a",
      "insert into a values (1)",
      "prepare p as select from a",
      "execute p",
    ])
      t.match(behind(text), uncertain, `${change}; ${text}`);
    for (const text of [
      "select from s.a",
      "select pg_catalog.lower('x')",
      "select 1",
      "commit",
      "set role r",
    ])
      t.equal(behind(text), undefined, `${change}; ${text}`);
    t.equal(behind("set search_path = c; select from a"), undefined, "until another SET says it");
  }
});

t.test("what was prepared is looked up anew, and not behind a change in the same text", async (t) => {
  t.match(analysisIn(["public"], "set search_path = b; execute p"), { unsupported: uncertain });
  t.notOk(analysisIn(["public"], "execute p; set search_path = b; fetch c").unsupported);
});

t.test("the statement that changes the path is itself read in the old one", async (t) => {
  const { reads, unsupported } = analysisIn(["public"], "select set_config('search_path', x, false) from a");
  t.strictSame([reads, unsupported], [["public.a"], undefined]);
});

t.test("a path that the transaction or the user may change is not certain behind those", async (t) => {
  const unsupported = (text: string, rest: Partial<Reading>) =>
    analysisIn(["public"], text, rest).unsupported;
  const ends = ["commit", "rollback", "rollback to s", "prepare transaction 'x'", "rollback and chain"];
  for (const end of ends) {
    const text = `${end}; select from a`;
    t.match(unsupported(text, { touched: true }), uncertain, text);
    t.equal(unsupported(text, { usesUser: true }), undefined, text);
    t.match(unsupported(`begin; set role r; ${text}`, { usesUser: true }), uncertain, text);
    t.match(unsupported(`begin; set search_path = b; ${text}`, { usesUser: true }), uncertain, text);
    t.equal(unsupported(`begin; set role r; ${text}`, {}), undefined, text);
  }
  const users = [
    ...["set role r", "set local role r", "set role none", "reset role", "set session authorization r"],
    ...["reset session authorization", "select set_config('role', 'r', false)"],
  ];
  for (const user of users) {
    const text = `${user}; select from a`;
    t.match(unsupported(text, { usesUser: true }), uncertain, text);
    t.equal(unsupported(text, { touched: true }), undefined, text);
  }
  for (const text of ["reset all; commit; select from a", "discard all; select from a"]) {
    t.match(unsupported(text, { usesUser: true }), uncertain, text);
  }
  const both = { touched: true, usesUser: true };
  t.equal(
    unsupported("begin; select from a; savepoint s; select from b; release s; select from c", both),
    undefined,
  );
  t.equal(
    unsupported("set search_path = b; set role r; select from a", both),
    undefined,
    "a path that was just set names no user",
  );
  t.match(unsupported("set search_path = b; set role r; commit; select from a", both), uncertain);
});

t.test("a value of search_path lists the schemas that the server finds in it", async (t) => {
  const server = await startPostgres();
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    database: "postgres",
    ...server.superuser,
  });
  await client.connect();
  t.teardown(async () => {
    await client.end();
    await server.stop();
  });
  const names = ["a", "b", "A", "a,b", 'a"b', "a\u00a0b", "Öx", "öx", " ", "ö".repeat(31), "n".repeat(63)];
  for (const name of names) await client.query(`create schema ${pg.escapeIdentifier(name)}`);
  const values = [
    "a, b",
    "A,B",
    '"A" , "a,b"',
    'a"b, a',
    '"a""b"',
    "a\u00a0b",
    "ÖX",
    '"ÖX", "Öx"',
    '" ",a',
    '""',
    "",
  ].concat([
    " \t\n a \r\f\v, b ",
    `"${"ö".repeat(40)}"`,
    "N".repeat(70),
    "no_such, b",
    '"$user", a',
    "pg_catalog, a",
  ]);
  for (const value of values) {
    await client.query("select set_config('search_path', $1, false)", [value]);
    const { rows } = await client.query<{ theirs: string[] }>(
      "select current_schemas(false)::text[] as theirs",
    );
    const there = schemasIn(value).filter((name) => names.includes(name) || name === "pg_catalog");
    t.strictSame(there, rows[0]?.theirs, JSON.stringify(value));
  }
});
