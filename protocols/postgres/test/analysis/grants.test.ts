/**
 * An oracle that is not of this project: PostgreSQL's own privileges. Whoever is granted what the analysis found in a text,
 * and no more, must be allowed to run it.
 */
import { isDeepStrictEqual } from "node:util";
import { startPostgres } from "@gatehouse/testkit";
import { loadModule } from "libpg-query";
import type pg from "pg";
import t from "tap";
import type { Analysis, Reading } from "../../src/analysis/analysis.ts";
import { analyze } from "../../src/analysis/analyze.ts";
import { viewFactsOf } from "../../src/analysis/view-facts.ts";
import type { CatalogIndex } from "../../src/catalog/catalog-index.ts";
import { database } from "../support/database.ts";
import { catalogOf, parse } from "../support/described.ts";
import { everyday, everydaySchema } from "../support/everyday.ts";
import { judge, ownOf, takeAway } from "../support/grants.ts";
import { end, Tally } from "../support/tally.ts";
import * as statements from "./statements.data.ts";

const READING: Reading = { path: ["public"], backslashes: false, touched: false, usesUser: false };

/** Relations that the analysis's own examples name, with the columns that they name. */
const EXAMPLES = ["a", "b", "c", "orders", "customers", "data", "x", "y"].map(
  (name) =>
    `CREATE TABLE ${name} (id int PRIMARY KEY, x int, y int, s text, v text, name text, email text, n int)`,
);

await loadModule();
const server = await startPostgres();
t.teardown(() => server.stop());

function analysisOf(text: string): Analysis {
  return analyze(text, parse(text), READING).analysis;
}

/** By the catalog too. */
function namedIn(text: string, catalog: CatalogIndex): Analysis {
  const viewFacts = viewFactsOf(catalog, parse);
  const surroundings = { catalog, unsettled: false, redefined: false, viewFacts };
  return ownOf(analyze(text, parse(text), READING, surroundings).analysis, catalog);
}

function sameGrants(one: Analysis, other: Analysis): boolean {
  const granted = ({ access, reads, writes, functions }: Analysis) => [access, reads, writes, functions];
  return isDeepStrictEqual(granted(one), granted(other));
}

/** Without what was found, a text that reads something is refused: the oracle can tell. */
async function refusedWithout(client: pg.Client, text: string, analysis: Analysis): Promise<boolean> {
  const nothing = { ...analysis, reads: [], writes: [], functions: [] };
  return (await judge(client, text, { analysis: nothing })).kind === "missed";
}

t.test("the analysis's own examples", async (t) => {
  const client = await database(t, server, "examples", EXAMPLES.join(";\n"));
  await takeAway(client);
  const tally = new Tally();
  for (const [text] of [...statements.reading, ...statements.changing]) {
    if (text.trim() === "") continue;
    tally.add(text, await judge(client, text, { analysis: analysisOf(text) }));
  }
  end(t, tally);
});

t.test("statements of every day", async (t) => {
  const client = await database(t, server, "everyday", await everydaySchema());
  await takeAway(client);
  const catalog = await catalogOf(server, "everyday");
  const tally = new Tally();
  const texts = await everyday(client);
  const looked = new Tally();
  let told = 0;
  for (const text of texts) {
    const analysis = analysisOf(text);
    const verdict = await judge(client, text, { analysis });
    tally.add(text, verdict);
    const known = namedIn(text, catalog);
    looked.add(text, sameGrants(known, analysis) ? verdict : await judge(client, text, { analysis: known }));
    if (verdict.kind === "held" && (await refusedWithout(client, text, analysis))) told++;
  }
  t.ok(told > tally.counts.held / 2, `${told} of ${tally.counts.held} are refused without their grants`);
  end(t, tally);
  t.comment("with the catalog");
  end(t, looked);
});
