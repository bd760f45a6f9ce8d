/**
 * PostgreSQL's own regression and isolation suites, straight at a server and through a gateway that lets
 * everything through. Fails on each difference that differences.yaml does not allow, and on each that it
 * allows and that is no more.
 *
 *   npm run conformance                        both suites
 *   npm run conformance -- --suite isolation   one of them
 *   npm run conformance -- --test guc          these tests alone, one after the other
 *   npm run conformance -- --control           without the gateway: what differs then, differs by itself
 *   npm run conformance -- --keep              leaves the outputs and logs where they are
 */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { judge, readAllowed, stale } from "./allowed.ts";
import { compare, type Hunk } from "./compare.ts";
import { failedBothWays, complaints, type Row, table } from "./report.ts";
import { type SuiteSource, suiteSource } from "./suite-source.ts";
import { runSuite, type SuiteName, suites, testsOf } from "./suites.ts";
import { startWays, type Ways } from "./ways.ts";

/** Milliseconds between two lines of progress. */
const PROGRESS = 10_000;

/** Stands for the output of a test that did not end in time. */
const NOT_RUN = " (not run to its end)\n";

const { values } = parseArgs({
  options: {
    suite: { type: "string", multiple: true },
    test: { type: "string", multiple: true },
    control: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});

/** A test that was run both ways. */
interface Found extends Omit<Row, "allowed" | "unexpected" | "missing"> {
  readonly hunks: readonly Hunk[];
}

const started = Date.now();

function say(text: string): void {
  process.stderr.write(`${String(Math.round((Date.now() - started) / 1000)).padStart(4)} s  ${text}\n`);
}

/** Runs one suite both ways at once, and compares. */
async function bothWays(
  suite: SuiteName,
  parts: { source: SuiteSource; ways: Ways; folder: string; signal: AbortSignal },
): Promise<Found[]> {
  const { source, ways, folder, signal } = parts;
  const all = await testsOf(suite, source);
  const tests = values.test?.filter((test) => all.includes(test));
  if (tests?.length === 0) return [];
  const count = { straight: 0, gateway: 0 };
  const total = tests?.length ?? all.length;
  const progress = () =>
    say(`${suite}: ${count.straight} straight, ${count.gateway} through the gateway, of ${total}`);
  const timer = setInterval(progress, PROGRESS);
  const pass = (way: keyof typeof count) =>
    runSuite(suite, source, {
      folder: join(folder, suite, way),
      environment: ways[way],
      ...(tests === undefined ? {} : { tests }),
      ended: () => count[way]++,
      signal,
    });
  try {
    const [straight, gateway] = await Promise.all([pass("straight"), pass("gateway")]);
    const found: Found[] = [];
    for (const test of tests ?? all) {
      const ran = straight.results.has(test) && gateway.results.has(test);
      found.push({
        test: `${suite}/${test}`,
        straight: straight.results.get(test),
        gateway: gateway.results.get(test),
        hunks: ran ? await compare(test, straight, gateway) : [NOT_RUN],
      });
    }
    return found;
  } finally {
    clearInterval(timer);
    progress();
  }
}

async function findDifferences(folder: string, source: SuiteSource): Promise<Found[]> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  }
  say("servers");
  const ways = await startWays(folder, { bindir: source.bindir, control: values.control });
  try {
    const found: Found[] = [];
    for (const suite of suites.filter((suite) => values.suite?.includes(suite) ?? true)) {
      found.push(...(await bothWays(suite, { source, ways, folder, signal: stop.signal })));
    }
    return found;
  } finally {
    await ways.stop();
  }
}

async function main(): Promise<number> {
  const list = values.control ? [] : await readAllowed();
  say("source package of PostgreSQL's suites");
  const source = await suiteSource();
  say(`suites of PostgreSQL ${source.version}`);
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-conformance-run-"));
  // The servers run as a user of their own.
  await chmod(folder, 0o755);
  try {
    const found = await findDifferences(folder, source);
    if (found.length === 0) throw new Error("No such test.");
    if (values.keep) await writeFile(join(folder, "found.json"), JSON.stringify(found, null, 2));
    const rows = found.map(({ hunks, ...row }) => ({ ...row, ...judge(row.test, hunks, list) }));
    // What was not run can't be missed.
    const partial = values.suite !== undefined || values.test !== undefined;
    const left = partial || values.control ? [] : stale(list, rows);
    process.stdout.write(`\n${table(rows)}${failedBothWays(rows)}\n${complaints(rows, left)}\n`);
    const bad = rows.filter(({ unexpected, missing }) => unexpected.length + missing.length > 0).length;
    process.stdout.write(`${rows.length} tests; ${bad} differ from the list of allowed differences\n`);
    return bad + left.length > 0 ? 1 : 0;
  } finally {
    if (values.keep) say(`outputs and logs: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main();
