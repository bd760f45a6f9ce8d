/**
 * An oracle that is not of this project: PostgreSQL's own privileges. Whoever is granted what the analysis found in a text,
 * and no more, must be allowed to run it.
 */
import { isDeepStrictEqual } from "node:util";
import { startPostgres } from "@gatehouse/testkit";
import { loadModule } from "libpg-query";
import pg from "pg";
import t, { type Test } from "tap";
import type { Analysis, Reading } from "../../src/analysis/analysis.ts";
import { analyze } from "../../src/analysis/analyze.ts";
import { generatedQuery } from "../lineage/generated.ts";
import { SCHEMA } from "../lineage/schema.ts";
import * as lineageStatements from "../lineage/statements.data.ts";
import { viewFactsOf } from "../../src/analysis/view-facts.ts";
import type { CatalogIndex } from "../../src/catalog/catalog-index.ts";
import { catalogOf, lineageOfOne, parse } from "../support/described.ts";
import { everyday, everydaySchema } from "../support/everyday.ts";
import { judge, takeAway, type Verdict } from "../support/grants.ts";
import * as statements from "./statements.data.ts";

const GENERATED = 600;
const READING: Reading = { path: ["public"], backslashes: false, touched: false, usesUser: false };

/** Relations that the analysis's own examples name, with the columns that they name. */
const EXAMPLES = ["a", "b", "c", "orders", "customers", "data", "x", "y"].map(
  (name) =>
    `CREATE TABLE ${name} (id int PRIMARY KEY, x int, y int, s text, v text, name text, email text, n int)`,
);

await loadModule();
const server = await startPostgres();
t.teardown(() => server.stop());

async function database(name: string, sql: string): Promise<pg.Client> {
  const at = (database: string) =>
    new pg.Client({ host: server.host, port: server.port, ...server.superuser, database });
  const maker = at("postgres");
  await maker.connect();
  await maker.query(`CREATE DATABASE ${name}`);
  await maker.end();
  const client = at(name);
  await client.connect();
  t.teardown(() => client.end());
  await client.query(sql);
  await takeAway(client);
  return client;
}

function analysisOf(text: string): Analysis {
  return analyze(text, parse(text), READING).analysis;
}

/** By the catalog too, but of what lies behind views, which their owners read, nothing is granted. */
function namedIn(text: string, catalog: CatalogIndex): Analysis {
  const viewFacts = viewFactsOf(catalog, parse);
  const surroundings = { catalog, unsettled: false, redefined: false, viewFacts };
  const { analysis } = analyze(text, parse(text), READING, surroundings);
  const named = (names: readonly string[]) => names.filter((name) => analysis.named.includes(name));
  return { ...analysis, reads: named(analysis.reads), writes: named(analysis.writes) };
}

function sameGrants(one: Analysis, other: Analysis): boolean {
  const granted = ({ access, reads, writes, functions }: Analysis) => [access, reads, writes, functions];
  return isDeepStrictEqual(granted(one), granted(other));
}

/** Counts verdicts, and says which texts the analysis was wrong about. */
class Tally {
  readonly missed: { readonly text: string; readonly message: string }[] = [];
  readonly counts = { held: 0, missed: 0, unknown: 0, "not judged": 0 };
  readonly faults = new Map<string, string>();

  add(text: string, verdict: Verdict): void {
    this.counts[verdict.kind]++;
    if (verdict.kind === "missed") this.missed.push({ text, message: verdict.message });
    if (verdict.kind === "not judged") this.faults.set(text, verdict.why);
  }

  get figures(): string {
    const { held, missed, unknown } = this.counts;
    const rate = ((100 * unknown) / (held + missed + unknown)).toFixed(1);
    return `${held} held, ${missed} confidently wrong, ${unknown} unknown (${rate} %), ${this.counts["not judged"]} not judged`;
  }
}

function end(t: Test, tally: Tally): void {
  t.comment(`figures: ${t.name}: ${tally.figures}`);
  t.strictSame(tally.missed, []);
  t.ok(tally.counts.held > 0, "some of them could be judged");
}

/** Without what was found, a text that reads something is refused: the oracle can tell. */
async function refusedWithout(client: pg.Client, text: string, analysis: Analysis): Promise<boolean> {
  const nothing = { ...analysis, reads: [], writes: [], functions: [] };
  return (await judge(client, text, { analysis: nothing })).kind === "missed";
}

t.test("the analysis's own examples", async (t) => {
  const client = await database("examples", EXAMPLES.join(";\n"));
  const tally = new Tally();
  for (const [text] of [...statements.reading, ...statements.changing]) {
    if (text.trim() === "") continue;
    tally.add(text, await judge(client, text, { analysis: analysisOf(text) }));
  }
  end(t, tally);
});

t.test("statements of every day", async (t) => {
  const client = await database("everyday", await everydaySchema());
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

t.test("columns of statements that were made up, and of those of the lineage", async (t) => {
  const client = await database("columns", SCHEMA);
  const catalog = await catalogOf(server, "columns");
  const tally = new Tally();
  const written = [...lineageStatements.reading, ...lineageStatements.changing].map(([text]) => text);
  const generated = Array.from({ length: GENERATED }, (_, seed) => generatedQuery(seed));
  for (const text of [...written, ...generated]) {
    const stmts = parse(text);
    if (stmts.length !== 1) continue;
    const analysis = analysisOf(text);
    // A lineage has no system columns: they are no column's values.
    if (/\b(ctid|tableoid)\b/.test(text)) continue;
    tally.add(text, await judge(client, text, { analysis, lineage: lineageOfOne(text, catalog) }));
  }
  end(t, tally);
});
