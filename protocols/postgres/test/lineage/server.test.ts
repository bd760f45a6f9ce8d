/*
 * The server's own word on what an answer has: RowDescription names its columns, and says of each that is a plain one
 * which table's it is. A mask that were put on a column too far to the left or right would show here.
 */
import { startPostgres } from "@gatehouse/testkit";
import { loadModule } from "libpg-query";
import pg from "pg";
import t, { type Test } from "tap";
import { dotted } from "../../src/analysis/search-path.ts";
import { definitions } from "../analysis/definitions.data.ts";
import * as analyzed from "../analysis/statements.data.ts";
import { catalogOf, described, lineageOfOne, parse } from "../support/described.ts";
import { generatedQuery } from "./generated.ts";
import { SCHEMA } from "./schema.ts";
import { changing, reading } from "./statements.data.ts";

await loadModule();
const server = await startPostgres();
t.teardown(() => server.stop());
const client = new pg.Client({
  host: server.host,
  port: server.port,
  database: "postgres",
  ...server.superuser,
});
await client.connect();
t.teardown(() => client.end());
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
