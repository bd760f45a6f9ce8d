/**
 * PostgreSQL's own privileges, column by column: whoever is granted the columns that the lineage found, and no more, must be
 * allowed to run the statement.
 */
import { startPostgres } from "@gatehouse/testkit";
import { loadModule } from "libpg-query";
import t from "tap";
import type { Reading } from "../../src/analysis/analysis.ts";
import { analyze } from "../../src/analysis/analyze.ts";
import { database } from "../support/database.ts";
import { catalogOf, lineageOfOne, parse } from "../support/described.ts";
import { judge, takeAway } from "../support/grants.ts";
import { end, Tally } from "../support/tally.ts";
import { generatedQuery } from "./generated.ts";
import { SCHEMA } from "./schema.ts";
import * as statements from "./statements.data.ts";

const GENERATED = 600;
const READING: Reading = { path: ["public"], backslashes: false, touched: false, usesUser: false };

await loadModule();
const server = await startPostgres();
t.teardown(() => server.stop());

t.test("columns of statements that were made up, and of those of the lineage", async (t) => {
  const client = await database(t, server, "columns", SCHEMA);
  await takeAway(client);
  const catalog = await catalogOf(server, "columns");
  const tally = new Tally();
  const written = [...statements.reading, ...statements.changing].map(([text]) => text);
  const generated = Array.from({ length: GENERATED }, (_, seed) => generatedQuery(seed));
  for (const text of [...written, ...generated]) {
    const stmts = parse(text);
    if (stmts.length !== 1) continue;
    const { analysis } = analyze(text, parse(text), READING);
    // A lineage has no system columns: they are no column's values.
    if (/\b(ctid|tableoid)\b/.test(text)) continue;
    tally.add(text, await judge(client, text, { analysis, lineage: lineageOfOne(text, catalog) }));
  }
  end(t, tally);
});
