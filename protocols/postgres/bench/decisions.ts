/**
 * How long a decision takes, from the text to what its masks do to the answer: analysis, rules, plan; no network.
 *
 *   node decisions.ts SECONDS PORT CA LEVELS POLICIES...      with PGDATABASE, PGUSER and PGPASSWORD of a server on this machine
 *
 * It decides for the first of the levels; the policies may speak of all of them.
 * Prints `{ "known": [...], "fresh": [...] }`, the microseconds of each decision: on texts of shapes that have been seen
 * before, and on texts whose shape is new.
 */
import { basename } from "node:path";
import { readFile } from "node:fs/promises";
import { type Identity, type Level, Secret, systemClock, type Target } from "@gatehouse/core";
import { detectorRegistry } from "@gatehouse/masking";
import { loadPolicies } from "@gatehouse/policy";
import type { Reading } from "../src/analysis/analysis.ts";
import { Analyzer } from "../src/analysis/analyzer.ts";
import { CatalogCache } from "../src/catalog/catalog-cache.ts";
import { sqlFacts, toCommand } from "../src/commands.ts";
import { type PostgresSettings, settingsOf } from "../src/settings.ts";

const [seconds = "", port = "", ca = "", levels = "", ...policyFiles] = process.argv.slice(2);
const { PGDATABASE = "", PGUSER = "", PGPASSWORD = "" } = process.env;

/** The runtime compiles what runs often; so many decisions of each kind come first and do not count. */
const WARM_UP = 2_000;

/** As an application has them: another name for a column makes another shape, and all of it is analysed again. */
const STATEMENTS: readonly ((name: string, number: number) => string)[] = [
  (name, number) => `SELECT id, name, email, phone AS ${name} FROM bench_people WHERE id = ${number}`,
  (name, number) => `SELECT p.name, p.email, a.abalance AS ${name}
FROM bench_people p JOIN pgbench_accounts a ON a.aid = p.id
WHERE a.bid = 1 AND a.abalance > ${number} ORDER BY p.id LIMIT 20`,
  (name, number) => `SELECT b.bid, count(*) AS ${name}, sum(a.abalance), avg(a.abalance)
FROM pgbench_branches b LEFT JOIN pgbench_accounts a USING (bid)
GROUP BY b.bid HAVING count(*) > ${number} ORDER BY count(*) DESC`,
  (name, number) => `WITH recent AS (SELECT id, email, joined FROM bench_people WHERE joined > '2001-01-01')
SELECT r.id, lower(r.email) AS ${name}, t.note FROM recent r JOIN bench_table_7 t ON t.id = r.id
WHERE EXISTS (SELECT 1 FROM pgbench_history h WHERE h.aid = r.id AND h.delta = ${number})`,
];

const identity: Identity = {
  ...{ subject: "bench", kind: "workload", groups: ["bench"], expiresAt: Number.POSITIVE_INFINITY },
  proof: { method: "oidc", provider: "bench", issuer: "https://idp.invalid" },
};
const credential = { user: PGUSER };
const level: Level = { name: levels.split(",")[0] ?? "", credential, settings: undefined };
const target: Target<PostgresSettings> = {
  ...{ name: "bench", protocol: "postgres", addresses: [{ host: "127.0.0.1", port: Number(port) }] },
  ...{ tls: { mode: "verify-full", ca }, connectTimeout: 10_000 },
  ...{ levels: new Map([[level.name, level]]), credential, tags: new Map() },
  settings: settingsOf({ settings: { database: PGDATABASE } }),
};
const silent = () => undefined;
const catalogs = new CatalogCache({
  target,
  lease: () =>
    Promise.resolve({
      user: PGUSER,
      password: new Secret(PGPASSWORD),
      release: () => Promise.resolve(),
    }),
  clock: systemClock,
  log: { debug: silent, info: silent, warn: silent, error: silent },
});
const analyzer = new Analyzer();

try {
  const engine = await policies();
  const catalog = { data: await catalogs.fresh(), unsettled: false, redefined: false };
  const reading: Reading = { path: ["public"], backslashes: false, touched: false, usesUser: false, catalog };

  /** As session and enforcement do it. */
  const decide = (text: string, result: ReturnType<Analyzer["known"]>) => {
    if (!result?.ok) throw new TypeError(`Not understood: ${text}`);
    const command = toCommand("query", text, result.analysis);
    const client = { host: "127.0.0.1" };
    const decision = engine.decide({ identity, target, level, client, command, now: Date.now() });
    if (decision.effect !== "allow" || decision.masks === undefined || !command.mask(decision.masks).ok) {
      throw new TypeError(`Not allowed, or not masked: ${text}`);
    }
  };

  let number = 0;
  const next = (name: string) => {
    number++;
    return STATEMENTS[number % STATEMENTS.length]?.(name, number) ?? "";
  };
  const decideFresh = async () => {
    const text = next(`column_${number}`);
    const began = process.hrtime.bigint();
    decide(text, await analyzer.analyze(text, reading));
    return microseconds(began);
  };
  const decideKnown = () => {
    const text = next("known");
    const began = process.hrtime.bigint();
    decide(text, analyzer.known(text, reading));
    return microseconds(began);
  };
  for (const _ of STATEMENTS) await analyzer.analyze(next("known"), reading);
  const known = await measured(decideKnown);
  const fresh = await measured(decideFresh);
  process.stdout.write(JSON.stringify({ known, fresh }));
} finally {
  catalogs.dispose();
  await analyzer.dispose();
}

async function policies() {
  const files = policyFiles.map(async (path) => ({
    path: basename(path),
    text: await readFile(path, "utf8"),
  }));
  const detectors = detectorRegistry();
  const loaded = loadPolicies({
    files: await Promise.all(files),
    targets: new Map([
      [target.name, { protocol: target.protocol, levels: levels.split(","), tags: target.tags }],
    ]),
    facts: new Map([["postgres", sqlFacts]]),
    detectors: detectors.ok ? detectors.registry.names : [],
    onError: (_, message) => {
      throw new TypeError(message);
    },
  });
  if (!loaded.ok) throw new TypeError(JSON.stringify(loaded.problems));
  return loaded.engine;
}

/** What each took, for about as long as was asked for. */
async function measured(decision: () => number | Promise<number>): Promise<number[]> {
  for (let done = 0; done < WARM_UP; done++) await decision();
  const times: number[] = [];
  for (const end = performance.now() + Number(seconds) * 1000; performance.now() < end; ) {
    times.push(await decision());
  }
  return times;
}

function microseconds(began: bigint): number {
  return Number(process.hrtime.bigint() - began) / 1000;
}
