/*
 * The server's own word on what an answer has: RowDescription names its columns, and says of each that is a plain one
 * which table's it is. A mask that were put on a column too far to the left or right would show here.
 */
import { startPostgres } from "@gatehouse/testkit";
import { loadModule } from "libpg-query";
import t, { type Test } from "tap";
import { dotted } from "../../src/analysis/search-path.ts";
import { definitions } from "../analysis/definitions.data.ts";
import * as analyzed from "../analysis/statements.data.ts";
import { fitsOrigins } from "../../src/masking/origins.ts";
import { catalogOf, described, lineageOfOne, parse } from "../support/described.ts";
import { generatedQuery } from "./generated.ts";
import { SCHEMA } from "./schema.ts";
import { changing, reading } from "./statements.data.ts";
import { superuser } from "../support/database.ts";

/** Columns that are handed on, and some that look like it. */
const ORIGINS: readonly string[] = [
  "select ctid, tableoid, id, email from customers",
  "select c, c.email, (c).name, (c).* from customers c",
  "select s, s.email, (s).email from (select * from customers) s",
  "select r, (r).email, (r).* from (select c as r from customers c) s",
  "select (home).street, home, former[1] from homes",
  "select email::text, text(email), id::bigint, name::varchar from customers",
  "select (select c.email), s.e, (select c from customers c limit 1) from customers c, lateral (select c.email as e) s",
  "select id, a.name, b.name from customers a join customers b using (id)",
  "select id from customers a left join orders b using (id)",
  "select id, total from orders natural full join customers",
  "select j, j.email, j.total from (customers c join orders o on o.customer_id = c.id) j",
  "select email from customers union all select email from customers",
  "select email from (select email from customers union select name from customers) s",
  "with w as (select email, id + 1 as n from customers) select * from w",
  "with recursive w as (select email, id from customers) select * from w",
  "with recursive w as (select id, name from customers union all select id, name from w) select * from w",
  "with w as (insert into copies values ('a', 'b') returning *) select * from w",
  "select contact, loud from contacts join shouted using (id)",
  "select v from contacts v",
  "select * from kept",
  "select low, city from people group by low, city",
  "select at, email from events",
  "select last_value, is_called from numbers",
  "update orders set total = total + 1, status = 'x' returning old.status, new.total, id, orders",
  "insert into copies values ('a', 'b') returning a, b || 'x', ctid",
  "merge into orders o using customers c on o.id = c.id when matched then update set total = 1 returning merge_action(), c.email, o.total",
  'select array_agg(email), max(email), coalesce(email), (email collate "C") from customers group by email',
  "select id + 1 as id, row (id, email), (row (id, email)).f1 from customers",
  "select * from generate_series(1, 2) g, unnest(array[1]) with ordinality",
  "values (1, 'a')",
  "select oid, relname from pg_class",
  "table customers",
];

await loadModule();
const server = await startPostgres();
t.teardown(() => server.stop());
const client = await superuser(t, server);
await client.query(SCHEMA);
// The relations that the analysis' own examples name.
await client.query("CREATE TABLE a (id int, x int, y int); CREATE TABLE b (LIKE a); CREATE TABLE c (LIKE a)");
const catalog = await catalogOf(server);

/** What differs between the lineage and the server's description; undefined where the server takes no such statement. */
async function differences(text: string): Promise<readonly string[] | undefined> {
  const fields = await described(client, text);
  if (fields instanceof Error) return undefined;
  const { outputs = [], gaps } = lineageOfOne(text, catalog);
  if (gaps.length > 0) return [];
  const names = outputs.map(({ name }) => name).join();
  const theirs = fields.map(({ name }) => name).join();
  if (names !== theirs) return [`${names} but ${theirs}`];
  const origins = fields.map(({ tableID, columnID }) => ({ relation: tableID, column: columnID }));
  const planned = outputs.map((output) => output.origins);
  if (!fitsOrigins(origins, planned)) return [`${JSON.stringify(origins)} but ${JSON.stringify(planned)}`];
  return fields.flatMap(({ tableID, columnID }, i) => {
    const relation = catalog.relationById(tableID);
    const column = relation?.columns.find(({ number }) => number === columnID);
    if (!relation || !column) return [];
    const name = dotted([relation.schema, relation.name, column.name]);
    const { from = [] } = outputs[i] ?? {};
    return from.includes(name) ? [] : [`${name} is not among ${from.join()}`];
  });
}

/** One statement, of a kind that the server describes. */
function isDescribed(text: string): boolean {
  const [only, ...others] = text === "" ? [] : parse(text);
  return (
    only !== undefined &&
    others.length === 0 &&
    !/"(DeclareCursor|Prepare|Copy)Stmt"/.test(JSON.stringify(only))
  );
}

/** @param whole whether none of the texts has a part that is not followed */
async function compare(t: Test, texts: readonly string[], whole = false): Promise<number> {
  let compared = 0;
  for (const text of texts) {
    const found = await differences(text);
    if (found === undefined) continue;
    compared++;
    if (found.length > 0) t.fail(text, { found });
    if (whole) t.same(lineageOfOne(text, catalog).gaps, [], text);
  }
  return compared;
}

t.test("the tables' statements have the columns that the server says", async (t) => {
  const texts = [...reading, ...changing, ...analyzed.reading, ...analyzed.changing, ...definitions]
    .map(([text]) => text)
    .filter(isDescribed);
  const compared = await compare(t, texts);
  t.ok(compared > 250, `${compared} were compared`);
});

t.test("generated queries have the columns that the server says", async (t) => {
  const compared = await compare(
    t,
    Array.from({ length: 2_000 }, (_, seed) => generatedQuery(seed)),
    true,
  );
  t.ok(compared > 500, `${compared} were compared`);
});

t.test("PostgreSQL's own views have the columns that the server says", async (t) => {
  const views = catalog.data.relations.filter(({ schema, kind }) => schema !== "public" && kind === "view");
  const compared = await compare(
    t,
    views.map(({ schema, name }) => `select * from ${dotted([schema, name])}`),
  );
  t.equal(compared, views.length);
});

t.test("a column is said to be the one that the server says", async (t) => {
  const counted = { exact: 0, computed: 0 };
  for (const text of ORIGINS) {
    const fields = await described(client, text);
    if (fields instanceof Error) throw fields;
    t.same(await differences(text), [], text);
    for (const { tableID } of fields) counted[tableID === 0 ? "computed" : "exact"]++;
  }
  t.ok(counted.exact > 20 && counted.computed > 5, JSON.stringify(counted));
});
