/** Whatever a real server runs for a statement, the analysis has said: each routine tells when it is called. */
import { startPostgres } from "@gatehouse/testkit";
import { loadModule } from "libpg-query";
import pg from "pg";
import t from "tap";
import type { Analysis } from "../../src/analysis/analysis.ts";
import { analyze } from "../../src/analysis/analyze.ts";
import { viewFactsOf } from "../../src/analysis/view-facts.ts";
import { catalogOf, parse } from "../support/described.ts";
import { schema, settings, ways } from "./runs.data.ts";

await loadModule();
const server = await startPostgres();
t.teardown(() => server.stop());
const client = new pg.Client({ host: server.host, port: server.port, ...server.superuser });
await client.connect();
t.teardown(() => client.end());
await client.query(schema);
// Row policies don't hold for a superuser.
await client.query("CREATE ROLE worker; GRANT ALL ON ALL TABLES IN SCHEMA public TO worker");
const catalog = await catalogOf(server);

function analysisOf(text: string): Analysis {
  const reading = { path: ["public"], backslashes: false, touched: false, usesUser: false };
  const surroundings = {
    catalog,
    unsettled: false,
    redefined: false,
    viewFacts: viewFactsOf(catalog, parse),
  };
  return analyze(text, parse(text), reading, surroundings).analysis;
}

const heard = new Set<string>();
client.on("notice", ({ message = "" }) => {
  const said = /^ran:(.*)$/.exec(message)?.[1];
  if (said !== undefined) heard.add(said);
});

/** What runs for a text, and the search_path behind it. */
async function run(text: string): Promise<{ readonly ran: readonly string[]; readonly path: string }> {
  heard.clear();
  await client.query(text.includes("secured") ? "BEGIN; SET LOCAL ROLE worker" : "BEGIN");
  await client.query(text);
  const { rows } = await client.query<{ search_path: string }>("SHOW search_path");
  await client.query("ROLLBACK; DEALLOCATE ALL; RESET search_path");
  return { ran: [...heard], path: rows[0]?.search_path ?? "" };
}

for (const [way, texts] of Object.entries(ways)) {
  t.test(way, async (t) => {
    for (const text of texts) {
      const { ran } = await run(text);
      const { access, userFunctions } = analysisOf(text);
      t.not(ran.length, 0, `${text} runs something`);
      t.equal(access, "unknown", text);
      // Of what is unknown for another reason, no list of functions makes anything known.
      if (userFunctions === undefined || userFunctions.otherwise === "unknown") continue;
      for (const name of ran) t.ok(userFunctions.names.includes(name), `${text} runs ${name}`);
    }
  });
}

t.test("a setting that is set unseen", async (t) => {
  for (const text of settings) {
    t.equal((await run(text)).path, "elsewhere", `${text} sets it`);
    const { access, userFunctions, effects } = analysisOf(text);
    t.equal(access, "unknown", text);
    t.ok(
      effects.some(({ kind }) => kind === "reading"),
      text,
    );
    t.equal(userFunctions?.names.includes("pg_catalog.set_config") ?? false, false, text);
  }
});

t.test("what row policies read is read", async (t) => {
  t.strictSame(analysisOf("SELECT * FROM secured").reads, [
    "public.people",
    "public.secured",
    "public.shown_people",
  ]);
});

t.test("locks go through views and to the parts of tables", async (t) => {
  for (const [text, names] of [
    ["SELECT 1 FROM contacts FOR UPDATE", ["public.contacts", "public.people"]],
    ["LOCK TABLE contacts", ["public.contacts", "public.people"]],
    ["LOCK TABLE measured", ["public.measured", "public.measured_2026", "public.measured_2027"]],
  ] as const) {
    t.strictSame(analysisOf(text).writes, names, text);
  }
});

t.test("what runs nothing is not held to", async (t) => {
  for (const text of [
    "SELECT p.id, p.email FROM people p",
    "SELECT plain.note FROM plain ORDER BY note",
    "SELECT plain.length FROM (SELECT 1 AS length) plain",
    "SELECT value FROM measured_2026 GROUP BY value",
    "SELECT id FROM watched FOR UPDATE",
    "CREATE TABLE fresh (id int, note text)",
  ]) {
    const { ran } = await run(text);
    t.strictSame(ran, [], text);
    const { names = [] } = analysisOf(text).userFunctions ?? {};
    // Of the casts and orders that somebody has made, more are listed than run.
    const listed = names.filter((name) => !/^public\.(moment|people_text)$/.test(name));
    t.strictSame(listed, [], text);
  }
});
