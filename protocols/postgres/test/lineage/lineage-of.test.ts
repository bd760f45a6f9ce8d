import { startPostgres } from "@gatehouse/testkit";
import { loadModule } from "libpg-query";
import t from "tap";
import { lineageOf } from "../../src/lineage/lineage-of.ts";
import { catalogOf, lineageOfOne, PLAIN, parse } from "../support/described.ts";
import { said } from "./said.ts";
import { SCHEMA } from "./schema.ts";
import { changing, reading } from "./statements.data.ts";
import { superuser } from "../support/database.ts";

await loadModule();
const server = await startPostgres();
t.teardown(() => server.stop());
const client = await superuser(t, server);
await client.query(SCHEMA);
const catalog = await catalogOf(server);

for (const [text, expected] of [...reading, ...changing]) {
  t.test(text, async (t) => {
    t.equal(said(lineageOfOne(text, catalog)), expected);
  });
}

t.test("every column that is looked at is read, and of a view also those below", async (t) => {
  const reads = (text: string) => lineageOfOne(text, catalog).reads;
  t.same(reads("select id from customers where name = 'x'"), [
    "public.customers.id",
    "public.customers.name",
  ]);
  t.same(reads("select contact from contacts"), ["public.contacts.contact", "public.customers.email"]);
  t.same(reads("select count(*) from customers"), []);
  t.same(reads("select 1 from customers where customers is null").length, 5);
});

t.test("statistics are a gap where they hold values, and not where they count", async (t) => {
  const gaps = (text: string) => lineageOfOne(text, catalog).gaps;
  for (const text of [
    "select most_common_vals from pg_stats",
    "select histogram_bounds::text from pg_stats",
    "select * from pg_statistic",
    "select s from pg_statistic s",
    "select most_common_vals from pg_stats_ext",
    "select attmissingval from pg_attribute",
    "select query from pg_stat_activity",
    "select * from pg_toast.pg_toast_1",
  ]) {
    t.not(gaps(text).length, 0, text);
  }
  for (const text of [
    "select n_distinct from pg_stats",
    "select attname from pg_attribute",
    "select * from information_schema.columns",
    "select (information_schema._pg_expandarray(indkey)).n from pg_index",
    "select * from pg_class c left join pg_namespace n on n.oid = c.relnamespace",
  ]) {
    t.same(gaps(text), [], text);
  }
});

t.test("a name is looked for in the schemas of the path, in their order", async (t) => {
  const from = (path: readonly string[]) =>
    said(lineageOfOne("select id from orders", catalog, path)).replace(/ \|.*/, "");
  t.equal(from(["public", "hidden"]), "id=orders.id!");
  t.equal(from(["hidden", "public"]), "id=hidden.orders.id!");
  t.equal(from(["nowhere", "public"]), "id=orders.id!");
  t.same(lineageOfOne("select id from orders", catalog, []).gaps, ["orders, which is not in the catalog"]);
});

t.test("a routine that is trusted gives what its arguments give, also in a view", async (t) => {
  const trusted = new Set(["public.email_of", "public.near"]);
  const trusting = (text: string) => said(lineageOfOne(text, catalog, ["public"], { trusted }));
  t.equal(trusting("select email_of(id) from customers"), "email_of=customers.id");
  t.equal(trusting("select 1 ~~~ id from orders"), "?column?=orders.id");
  t.equal(trusting("select e from calls"), "e=calls.e+orders.id");
});

t.test("a temporary relation hides others, and nobody knows its columns", async (t) => {
  const temporary = new Set(["orders"]);
  const gaps = (text: string) => lineageOfOne(text, catalog, ["public"], { temporary }).gaps;
  t.match(gaps("select * from orders, customers"), ["the temporary relation orders"]);
  t.same(gaps("select * from public.orders"), []);
  t.same(gaps("with orders as (select 1) select * from orders"), []);
});

t.test("behind what may change the meaning of names, in the same text, they are a gap", async (t) => {
  const gaps = (text: string, fixed = true) =>
    lineageOf(parse(text), catalog, ["public"], { ...PLAIN, fixed }).lineage.at(-1)?.gaps;
  for (const before of [
    "drop table orders",
    "select 1 into orders",
    "explain analyze create table x as select 1",
    "set search_path = hidden",
    "set role x",
    "reset all",
    "discard all",
    "select set_config('search_path', 'hidden', false)",
  ]) {
    t.not(gaps(`${before}; select * from orders`)?.length, 0, before);
  }
  for (const before of ["select 1", "set datestyle = iso", "begin", "commit", "delete from orders"]) {
    t.same(gaps(`${before}; select * from orders`), [], before);
  }
  t.equal(gaps("rollback; select * from orders", false)?.length, 1);
  t.same(gaps("set search_path = hidden; select * from public.orders"), []);
  const unsettled = lineageOfOne("select * from orders", catalog, ["public"], { unsettled: true });
  t.equal(unsettled.gaps.length, 1, "and where the open transaction may have");
});

t.test("a literal that counts columns is no literal like others", async (t) => {
  const literals = (text: string) => lineageOf(parse(text), catalog, ["public"], PLAIN).literals;
  for (const text of [
    "select id, email from customers order by 2",
    "select name from customers group by 1",
  ]) {
    t.equal(literals(text), true, text);
  }
  t.equal(literals("select distinct on (1) id from (select 1 as id) x"), true);
  t.equal(literals("select id, 2 from customers where id = 3 order by name limit 4"), false);
});

t.test("what is too deep or too wide is a gap, and never takes long", async (t) => {
  const nested = (inner: string, outer: (inner: string) => string, times: number) => {
    let text = inner;
    for (let i = 0; i < times; i++) text = outer(text);
    return text;
  };
  const wide = Array.from({ length: 30 }, (_, i) => `x${i + 1} as (select a.* from x${i} a, x${i} b)`);
  const doubled = Array.from({ length: 30 }, (_, i) => `x${i + 1} as (select * from x${i} a, x${i} b)`);
  const deepRecursion = nested(
    "select id, name from customers",
    (inner) =>
      `with recursive r(a, b) as (${inner} union all select b, a from r union all select b, a from r) select a, b from r`,
    12,
  );
  for (const [what, text] of [
    ["subqueries", nested("select email from customers", (inner) => `select (${inner})`, 900)],
    ["brackets of functions", `select ${nested("email", (inner) => `lower(${inner})`, 2000)} from customers`],
    ["rows that double", `with x0 as (select * from customers), ${doubled.join(", ")} select * from x30`],
    ["recursion in recursion", deepRecursion],
  ] as const) {
    t.same(lineageOfOne(text, catalog).gaps, ["a statement too large to be followed"], what);
  }
  for (const [what, text] of [
    ["a chain of operators", `select ${Array(3000).fill("email").join("||")} from customers`],
    ["a chain of UNION", Array(1000).fill("select email from customers").join(" union all ")],
    ["a list", `select email from customers where id in (${Array(5000).fill("1").join(",")})`],
    [
      "rows that do not grow",
      `with x0 as (select * from customers), ${wide.join(", ")} select email from x30`,
    ],
  ] as const) {
    const { outputs, gaps } = lineageOfOne(text, catalog);
    t.same(gaps, [], what);
    t.same(outputs?.[0]?.from, ["public.customers.email"], what);
  }
});
