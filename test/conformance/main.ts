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
 *   npm run conformance -- --privileges        in their place: whether the analysis finds what each statement of the
 *                                              regression suite needs, as the server's own privileges have it
 */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "@gatehouse/core";
import { judge, readAllowed, stale } from "./allowed.ts";
import { compare, type Hunk } from "./compare.ts";
import { askPrivileges } from "./privileges.ts";
import { complaints, differs, failedStraight, type Row, summary, table } from "./report.ts";
import { type SuiteSource, suiteSource } from "./suite-source.ts";
import { type Pass, runSuite, type SuiteName, suites, testsOf } from "./suites.ts";
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
    privileges: { type: "boolean", default: false },
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
      environments: ways[way],
      ...(tests === undefined ? {} : { tests }),
      ended: () => count[way]++,
      signal,
    });
  try {
    const [straight, gateway] = await Promise.all([pass("straight"), pass("gateway")]);
    const found: Found[] = [];
    for (const test of tests ?? all) {
      found.push({
        test: `${suite}/${test}`,
        straight: straight.results.get(test),
        gateway: gateway.results.get(test),
        hunks: await differences(test, straight, gateway),
      });
    }
    return found;
  } finally {
    clearInterval(timer);
    progress();
  }
}

async function differences(test: string, straight: Pass, gateway: Pass): Promise<readonly Hunk[]> {
  const [one, other] = [straight.results.get(test), gateway.results.get(test)];
  if (one === undefined || other === undefined) return [NOT_RUN];
  // Some tests fail now and then on a busy machine: where that was the server's pass, it proves nothing.
  if (!one && other) return [];
  return compare(test, straight, gateway);
}

async function findDifferences(folder: string, source: SuiteSource, signal: AbortSignal): Promise<Found[]> {
  say("servers");
  const ways = await startWays(folder, { bindir: source.bindir, control: values.control, signal });
  try {
    const found: Found[] = [];
    for (const suite of suites.filter((suite) => values.suite?.includes(suite) ?? true)) {
      found.push(...(await bothWays(suite, { source, ways, folder, signal })));
    }
    return found;
  } finally {
    await ways.stop();
  }
}

async function main(signal: AbortSignal): Promise<number> {
  const list = values.control ? [] : await readAllowed();
  say("source package of PostgreSQL's suites");
  const source = await suiteSource();
  say(`suites of PostgreSQL ${source.version}`);
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-conformance-run-"));
  // The servers run as a user of their own.
  await chmod(folder, 0o755);
  try {
    if (values.privileges) return await askPrivileges(source, { folder, tests: values.test, signal });
    const found = await findDifferences(folder, source, signal);
    if (found.length === 0) throw new Error("No such test.");
    if (values.keep) await writeFile(join(folder, "found.json"), JSON.stringify(found, null, 2));
    const rows = found.map(({ hunks, ...row }) => ({ ...row, ...judge(row.test, hunks, list) }));
    // What was not run can't be missed.
    const partial = values.suite !== undefined || values.test !== undefined;
    const left = partial || values.control ? [] : stale(list, rows);
    const failed = rows.filter(differs).length;
    const parts = [table(rows) + failedStraight(rows), complaints(rows, left), summary(rows)];
    // What the list says of no test fails like a test.
    const verdict = `${rows.length - failed} passed, ${failed + left.length} failed\n`;
    process.stdout.write(`\n${[...parts, verdict].filter((part) => part !== "").join("\n")}`);
    return failed + left.length > 0 ? 1 : 0;
  } finally {
    if (values.keep) say(`outputs and logs: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
}
try {
  process.exitCode = await main(stop.signal);
} catch (error) {
  // What was under way fails in its own words when it is stopped.
  if (!stop.signal.aborted) throw error;
  say(messageOf(stop.signal.reason));
  process.exitCode = 130;
}
