/**
 * PostgreSQL's privileges, asked about the statements of its own regression suite: whoever is granted what the analysis
 * finds in one, and no more, must be allowed to run it. `npm run conformance -- --privileges` runs this, with a server
 * that is its own:
 *
 *   main.ts FOLDER DATABASE TEST...     sql/TEST.sql of the folder, in this order, as the superuser that PG* names
 *
 * Prints figures and causes, and exits with 1 where the analysis was confidently wrong.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadModule } from "libpg-query";
import pg from "pg";
import { takeAway } from "../support/grants.ts";
import { Oracle } from "./oracle.ts";
import { PsqlScript } from "./psql-script.ts";
import { causes, figures, type Found, wrong } from "./report.ts";
import { runScript } from "./run-script.ts";

/** As pg_regress sets its sessions; and no statement may take long. */
const SESSION =
  "-c intervalstyle=postgres_verbose -c datestyle=postgres,mdy -c timezone=PST8PDT -c statement_timeout=20s";

const [folder = "", database = "", ...tests] = process.argv.slice(2);
const { PGHOST: host = "", PGPORT: port = "", PGUSER: user = "", PGPASSWORD: password = "" } = process.env;

async function connect(as?: string): Promise<pg.Client> {
  const client = new pg.Client({ host, port: Number(port), user, password, database, options: SESSION });
  // Whoever waits for an answer is told, too.
  client.on("error", () => undefined);
  await client.connect();
  if (as !== undefined) await client.query(`SET SESSION AUTHORIZATION ${pg.escapeIdentifier(as)}`);
  return client;
}

async function main(): Promise<number> {
  await loadModule();
  const first = await connect();
  await takeAway(first);
  await first.end();
  const all: Found[] = [];
  const sample: Found[] = [];
  /** What grammar alone is wrong about, and the catalog is not. */
  const told: Found[] = [];
  for (const test of tests) {
    const begun = performance.now();
    const oracle = new Oracle({
      address: { socket: join(host, `.s.PGSQL.${port}`) },
      user,
      password,
      database,
    });
    const script = new PsqlScript(await readFile(join(folder, "sql", `${test}.sql`), "utf8"), new Map());
    await runScript(script, { connect, look: (client, text) => oracle.look(client, text) });
    oracle.close();
    for (const { known, ...judged } of oracle.looked) {
      if (known && known.verdict.kind !== "missed") told.push({ ...judged, test });
      all.push({ ...(known ?? judged), test });
    }
    sample.push(...oracle.sample.map((judged) => ({ ...judged, test })));
    const took = Math.round(performance.now() - begun);
    process.stderr.write(`${test}: ${oracle.looked.length} statements in ${took} ms\n`);
  }
  const parts = [
    causes("not judged", all),
    causes("unknown", all),
    causes("unknown", sample, "unknown with the catalog"),
    `${told.length} that grammar alone is wrong about, and the catalog is not:\n${wrong(told)}`,
    `confidently wrong:\n${wrong([...all, ...sample])}`,
    figures("by grammar, and where that misses something, by the catalog", all),
    figures("by the catalog, some of them", sample),
  ];
  process.stdout.write(parts.join("\n"));
  return [...all, ...sample].some(({ verdict }) => verdict.kind === "missed") ? 1 : 0;
}

process.exitCode = await main();
