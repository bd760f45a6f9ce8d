/**
 * An oracle that is not of this project: PostgreSQL's own privileges. Whoever is granted what the analysis found in a text,
 * and no more, must be allowed to run it.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseYaml } from "@gatehouse/documents";
import { startPostgres } from "@gatehouse/testkit";
import { loadModule } from "libpg-query";
import pg from "pg";
import t, { type Test } from "tap";
import type { Analysis, Reading } from "../../src/analysis/analysis.ts";
import { analyze } from "../../src/analysis/analyze.ts";
import { generatedQuery } from "../lineage/generated.ts";
import { SCHEMA } from "../lineage/schema.ts";
import * as lineageStatements from "../lineage/statements.data.ts";
import { catalogOf, lineageOfOne, parse } from "../support/described.ts";
import { judge, takeAway, type Verdict } from "../support/grants.ts";
import * as statements from "./statements.data.ts";

const EVERYDAY = join(import.meta.dirname, "..", "..", "..", "..", "test", "masking");
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
  const client = await database("everyday", await readFile(join(EVERYDAY, "everyday.sql"), "utf8"));
  const tally = new Tally();
  const texts = await everyday(client);
  let told = 0;
  for (const text of texts) {
    const analysis = analysisOf(text);
    const verdict = await judge(client, text, { analysis });
    tally.add(text, verdict);
    if (verdict.kind === "held" && (await refusedWithout(client, text, analysis))) told++;
  }
  t.ok(told > tally.counts.held / 2, `${told} of ${tally.counts.held} are refused without their grants`);
  end(t, tally);
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

/** As far as it matters here; test/masking/everyday.ts has the schema. */
interface Everyday {
  readonly statements: readonly (Text | readonly Text[])[];
}
type Text = string | { readonly sql: string; readonly parameters?: readonly (string | null)[] };

/** The everyday corpora's statements, with objects in the place of their marks, and NULL in that of parameters. */
async function everyday(client: pg.Client): Promise<string[]> {
  const folder = join(EVERYDAY, "everyday");
  const texts: string[] = [];
  for (const file of await readdir(folder)) {
    const parsed = parseYaml(await readFile(join(folder, file), "utf8"), file);
    if (!parsed.ok) throw new Error(`${file} is not YAML.`);
    for (const one of (parsed.document.value as Everyday).statements.flat()) {
      const { sql, parameters = [] } = typeof one === "string" ? { sql: one } : one;
      let text = sql.replace(/\$(\d+)/g, (_, place: string) => {
        const value = parameters[Number(place) - 1];
        return value == null ? "NULL" : pg.escapeLiteral(value);
      });
      for (const [mark, kind, name] of text.matchAll(/\{(regclass|regtype|regprocedure) ([^{}]+)\}/g)) {
        const { rows } = await client.query<{ id: string }>(`SELECT $1::${kind ?? ""}::oid::text AS id`, [
          name,
        ]);
        text = text.replace(mark, rows[0]?.id ?? "");
      }
      texts.push(text);
    }
  }
  return texts;
}
