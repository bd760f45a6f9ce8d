/*
 * What is held to fail for no value, tried with values at the ends of their types: the server must not fail either.
 * All its functions, operators and casts are tried that it has for these types.
 */
import { startPostgres } from "@gatehouse/testkit";
import { loadModule } from "libpg-query";
import type pg from "pg";
import t from "tap";
import { catalogOf, lineageOfOne } from "../support/described.ts";
import { superuser } from "../support/database.ts";

/** By type: values that some function or other has had trouble with. */
const ENDS: Readonly<Record<string, readonly string[]>> = {
  bool: ["true", "false"],
  bytea: ["", "\\x00ff80"],
  '"char"': ["", "\\"],
  name: ["", "\\", "ä"],
  text: ["", " ", "\\", "%", "(", "[a", "{", "\u0001", "ä😀", "1e400", "x".repeat(1000), "$.a"],
  varchar: ["", "\\", "-1"],
  bpchar: ["", "  ", "\\"],
  int2: ["-32768", "-1", "0", "32767"],
  int4: ["-2147483648", "-1", "0", "1", "2147483647"],
  int8: ["-9223372036854775808", "-1", "0", "9223372036854775807"],
  float4: ["NaN", "-Infinity", "0", "3.4e38", "1e-45"],
  float8: ["NaN", "Infinity", "-0", "1.7e308", "5e-324"],
  numeric: ["NaN", "Infinity", "-Infinity", "0", "1e308", "-1e-300"],
  money: ["-92233720368547758.08", "0", "92233720368547758.07"],
  oid: ["0", "4294967295"],
  date: ["-infinity", "infinity", "4713-01-01 BC", "5874897-12-31"],
  time: ["00:00", "24:00"],
  timetz: ["00:00+1559", "24:00-1559"],
  timestamp: ["-infinity", "infinity", "4713-01-01 00:00 BC", "294276-12-31 23:59:59.999999"],
  timestamptz: ["-infinity", "infinity", "4713-01-01 00:00 BC", "294276-12-31 23:59:59.999999Z"],
  interval: ["-178000000 years", "infinity", "-infinity", "178000000 years"],
  bit: ["0", "1"],
  varbit: ["", "101"],
  uuid: ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
  inet: ["0.0.0.0/0", "::/0", "255.255.255.255"],
  cidr: ["0.0.0.0/0", "::1/128"],
  macaddr: ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"],
  macaddr8: ["00:00:00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff:ff:ff"],
  "text[]": ["{}", "{{a,b},{c,d}}", "{NULL}", "[-5:-4]={a,b}"],
  "int4[]": ["{}", "{{1},{2}}", "{NULL}"],
  json: ["null", "1", "[]", '{"a": "\\u0000"}', '{"\\u0000": 1}'],
  jsonb: ["null", "1", '[{"a": 1}]', '{"a": {"b": []}}'],
};
const TYPES = Object.keys(ENDS);
/** What stands for a type that is any. */
const ANY = ["text", "float8", "timestamptz", "text[]", "json", "jsonb"];

await loadModule();
const server = await startPostgres();
t.teardown(() => server.stop());
const client = await superuser(t, server);

/** The column that has a type. */
function columnOf(type: string): string {
  return type.replace(/\W/g, "_");
}

const longest = Math.max(...Object.values(ENDS).map(({ length }) => length));
await client.query(`create table ends (${TYPES.map((type) => `${columnOf(type)} ${type}`).join()})`);
for (let i = 0; i <= longest; i++) {
  // A row of NULLs behind the last.
  await client.query(
    `insert into ends values (${TYPES.map((_, at) => `$${at + 1}`).join()})`,
    Object.values(ENDS).map((values) => (i === longest ? null : values[i % values.length])),
  );
}
await client.query(`create schema mine; create domain mine.text as text check (value < 'm');
  create function mine.lower(text) returns int language sql immutable as 'select 1 / length($1)'`);
const catalog = await catalogOf(server);

/** Expressions of two tables' columns that are held never to fail, and for which the server has said that they do. */
async function failures(expressions: readonly string[]) {
  const failed: string[] = [];
  let tried = 0;
  for (const expression of new Set(expressions)) {
    const text = `select ${expression} from ends a, ends b`;
    const { failing, gaps, predicates } = lineageOfOne(text, catalog);
    if (failing !== undefined || gaps.length > 0 || predicates.length > 0) continue;
    try {
      await client.query(text);
      tried++;
    } catch (error) {
      // There is none for these types.
      const { code = "", message } = error as pg.DatabaseError;
      if (!/^42/.test(code)) failed.push(`${expression}: ${message}`);
    }
  }
  return { failed, tried };
}

t.test("functions", async (t) => {
  const { rows } = await client.query<{ name: string; types: string[]; window: boolean }>(
    `select distinct p.proname as name, p.prokind = 'w' as window,
       array(select format_type(case when o = p.pronargs and p.provariadic <> 0 then p.provariadic else u end, null)
         from unnest(p.proargtypes) with ordinality as x (u, o) order by o) as types
     from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind in ('f', 'a', 'w') and p.pronargs between 1 and 4
       and p.provolatile <> 'v' and not exists (select from pg_aggregate g where g.aggfnoid = p.oid and g.aggkind <> 'n')`,
  );
  const full = new Map(
    (
      await client.query<{ type: string; name: string }>(
        `select unnest as type, format_type(unnest::regtype, null) as name from unnest($1::text[])`,
        [TYPES],
      )
    ).rows.map(({ type, name }) => [name, type]),
  );
  const expressions = rows.flatMap(({ name, types, window }) =>
    ANY.flatMap((any) => {
      const args = types.map((type, i) => {
        const array = /^any\w*array$/.test(type) ? "text[]" : undefined;
        const known = array ?? (/^"?any/.test(type) ? any : full.get(type));
        return known && `${i % 2 === 0 ? "a" : "b"}.${columnOf(known)}`;
      });
      if (args.includes(undefined)) return [];
      return [`pg_catalog."${name}"(${args.join()})${window ? " over ()" : ""}`];
    }),
  );
  const { failed, tried } = await failures(expressions);
  t.same(failed, []);
  t.ok(tried > 80, `${tried} of ${expressions.length} were tried`);
});

t.test("operators", async (t) => {
  const { rows } = await client.query<{ name: string }>("select distinct oprname as name from pg_operator");
  const paths = [`a.jsonb -> 'a' ->> 'b'`, `a.jsonb #> '{a,b}' -> 0`, `a.jsonb #>> '{0,a}'`];
  const operators = rows.flatMap(({ name }) =>
    TYPES.flatMap((left) =>
      [left, "text", "numeric", "text[]", "int4"].map(
        (right) => `a.${columnOf(left)} ${name} b.${columnOf(right)}`,
      ),
    ),
  );
  const { failed, tried } = await failures([...operators, ...paths]);
  t.same(failed, []);
  t.ok(tried > 150, `${tried} of ${operators.length} were tried`);
});

t.test("casts, and what has words of its own", async (t) => {
  const targets = [...TYPES, "varchar(3)", "char(3)", "name", "regclass", "national_id", "text[]"];
  const casts = TYPES.flatMap((from) => targets.map((to) => `a.${columnOf(from)}::${to}`));
  const others = TYPES.flatMap((type) => {
    const column = columnOf(type);
    return [
      `array[a.${column}, b.${column}]`,
      `coalesce(a.${column}, b.${column})`,
      `greatest(a.${column}, b.${column})`,
      `a.${column} is distinct from b.${column}`,
      `a.${column} in (b.${column})`,
      `row (a.${column}, b.int4) < row (b.${column}, a.int4)`,
      `a.${column} is null`,
      `json_array(a.${column})`,
      `json_object('k': a.${column})`,
      `xmlelement(name e, a.${column}::text)`,
      `(array_agg(a.${column}))[1]`,
      `jsonb_build_object('k', a.${column})`,
      `jsonb_agg(a.${column})`,
      `jsonb_build_array(a.${column}, b.${column})`,
      `to_jsonb(row (a.${column}))`,
    ];
  });
  const { failed, tried } = await failures([
    ...casts,
    ...others,
    "to_json(a)",
    "row_to_json(a)",
    "to_jsonb(a)",
    "a::text",
  ]);
  t.same(failed, []);
  t.ok(tried > 200, `${tried} of ${casts.length + others.length} were tried`);
});

t.test("only what a failure would tell of is listed", async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ["a.int4 / b.int8", "int4 int8"],
    ["a.text || (b.int4 + 1)::text || a.name", "int4"],
    ["coalesce(a.text, b.name)", ""],
    ["coalesce(a.text, (b.int4 + 1)::text)", "int4 text"],
    ["a.bool and b.int4 + 1 > 0", "bool int4"],
    ["a.text in (b.name, (b.int4 + 1)::text)", "int4 name text"],
    ["(a.text, b.int4 + 1) = (b.name, 1)", "int4 name text"],
    ["a.text in (select (1 / x)::text from generate_series(1, 2) x)", "text"],
    ["a.text in ('x', b.name) and a.text between 'x' and b.name", ""],
    ["a.text in (select lower(b.text))", ""],
    ["a < b", "ALL"],
    ["greatest(a, b)", "ALL"],
    ["max(a)", "ALL"],
    ["greatest(a.text, b.name)", ""],
    ["coalesce(a.jsonb, '{}'::jsonb)", ""],
    ["coalesce(a.text, (select 'x' from generate_series(1, 2)))", "text"],
    ["array(select a.text)", ""],
    ["array(select a.text__)", "text__"],
    ["a.text::mine.text", "text"],
    ["mine.lower(a.text)", "text"],
    ["a.text like b.name", "name text"],
    ["a.text__ || b.text__", "text__"],
    ["array[a.text, b.text]", ""],
    ["array[a.text__, b.text__]", "text__"],
    ["sum(a.int4) + 1", "int4"],
    ["sum(a.float8)", "float8"],
    ["a.jsonb -> 'x' || a.jsonb", "jsonb"],
    ["to_jsonb(a.text__)", ""],
    ["to_jsonb(a.json)", "json"],
    ["jsonb_build_object('k', a.text, 'j', b.json)", "json text"],
    ["json_build_object('k', a.text, b.name, 1)", "name text"],
  ];
  for (const [expression, expected] of cases) {
    const { failing = [] } = lineageOfOne(`select ${expression} from ends a, ends b`, catalog);
    const said = failing.map((name) => name.replace("public.ends.", "")).join(" ");
    t.equal(failing.length === TYPES.length ? "ALL" : said, expected, expression);
  }
});
