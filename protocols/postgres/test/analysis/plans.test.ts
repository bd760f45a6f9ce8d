/**
 * An oracle that is not of this project: PostgreSQL's own plans. What a plan scans, by whatever views and partitions, the
 * analysis must have found.
 */
import { startPostgres } from "@gatehouse/testkit";
import { loadModule } from "libpg-query";
import pg from "pg";
import t from "tap";
import type { Reading } from "../../src/analysis/analysis.ts";
import { analyze } from "../../src/analysis/analyze.ts";
import { viewFactsOf } from "../../src/analysis/view-facts.ts";
import { generatedQuery } from "../lineage/generated.ts";
import { SCHEMA } from "../lineage/schema.ts";
import * as lineageStatements from "../lineage/statements.data.ts";
import { database } from "../support/database.ts";
import { catalogOf, parse } from "../support/described.ts";
import { everyday, everydaySchema } from "../support/everyday.ts";

const GENERATED = 500;
const READING: Reading = { path: ["public"], backslashes: false, touched: false, usesUser: false };
const PLANNED = /^\s*(select|with|values|table|insert|update|delete|merge)\b/i;

await loadModule();
const server = await startPostgres();
t.teardown(() => server.stop());

interface PlanNode {
  readonly Schema?: string;
  readonly "Relation Name"?: string;
  readonly Plans?: readonly PlanNode[];
}

/** The relations that the server's plan of a text scans or changes; undefined where it takes none of it. */
async function plannedBy(client: pg.Client, text: string): Promise<readonly string[] | undefined> {
  await client.query("BEGIN");
  try {
    const { rows } = await client.query<{ "QUERY PLAN": readonly { readonly Plan: PlanNode }[] }>(
      `EXPLAIN (VERBOSE, COSTS off, FORMAT json) ${text}`,
    );
    const names = (node: PlanNode): readonly string[] => [
      ...(node["Relation Name"] === undefined ? [] : [`${node.Schema ?? ""}.${node["Relation Name"]}`]),
      ...(node.Plans ?? []).flatMap(names),
    ];
    return rows.flatMap((row) => row["QUERY PLAN"].flatMap(({ Plan }) => names(Plan)));
  } catch (error) {
    if (error instanceof pg.DatabaseError) return undefined;
    throw error;
  } finally {
    await client.query("ROLLBACK");
  }
}

async function compare(
  name: string,
  schema: string,
  textsOf: (client: pg.Client) => Promise<readonly string[]>,
) {
  await t.test(name, async (t) => {
    const client = await database(t, server, name, schema);
    const catalog = await catalogOf(server, name);
    const viewFacts = viewFactsOf(catalog, parse);
    const surroundings = { catalog, unsettled: false, redefined: false, viewFacts };
    let compared = 0;
    let beyond = 0;
    for (const text of await textsOf(client)) {
      if (!PLANNED.test(text)) continue;
      const planned = await plannedBy(client, text.replace(/;\s*$/, ""));
      if (planned === undefined) continue;
      const { reads, writes, named } = analyze(text, parse(text), READING, surroundings).analysis;
      const found = new Set([...reads, ...writes]);
      t.strictSame(
        planned.filter((relation) => !found.has(relation)),
        [],
        text,
      );
      compared++;
      if (planned.some((relation) => !named.includes(relation))) beyond++;
    }
    t.ok(compared > 0 && beyond > 0, "some reach relations that they do not name");
    t.comment(`figures: ${name}: ${compared} plans, ${beyond} of which scan more than the text names`);
  });
}

await compare("everyday", await everydaySchema(), everyday);
await compare("made up", SCHEMA, () =>
  Promise.resolve([
    ...[...lineageStatements.reading, ...lineageStatements.changing].map(([text]) => text),
    ...Array.from({ length: GENERATED }, (_, seed) => generatedQuery(seed)),
  ]),
);
