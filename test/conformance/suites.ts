import { spawn } from "node:child_process";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { databases } from "./postgres.ts";
import type { SuiteSource } from "./suite-source.ts";

export type SuiteName = keyof typeof databases;
export const suites: readonly SuiteName[] = ["regress", "isolation"];

/** How one pass of a suite went, by the suite's own word. */
export interface Pass {
  /** Test -> whether its output was the expected one, in the order in which they ended. */
  readonly results: ReadonlyMap<string, boolean>;
  /** Where a test's output is: `NAME.out`. */
  readonly outputs: string;
}

/** By their place below `SuiteSource.drivers`. */
const DRIVERS: Readonly<Record<SuiteName, string>> = {
  regress: join("regress", "pg_regress"),
  isolation: join("isolation", "pg_isolation_regress"),
};
const SCHEDULES: Readonly<Record<SuiteName, string>> = {
  regress: "parallel_schedule",
  isolation: "isolation_schedule",
};
/** Seconds that one test may take. A client that hangs is ended, so that the others still run. */
const TEST_LIMIT = 60;
/** Milliseconds that one pass may take. What has not ended by then counts as not run. */
const PASS_LIMIT = 5 * 60 * 1000;

/** A driver's line on a test that has ended. */
const RESULT = /^\s*(?:test )?(\S+)\s+\.\.\.\s+(ok|FAILED|failed \(ignored\))/;

/** What a schedule names, in its order, without what it says to ignore. */
export async function testsOf(suite: SuiteName, source: SuiteSource): Promise<string[]> {
  const text = await readFile(join(source.tests, suite, SCHEDULES[suite]), "utf8");
  return [...text.matchAll(/^test:(.*)$/gm)].flatMap(([, names = ""]) => names.trim().split(/\s+/));
}

/**
 * Runs a suite once.
 * @param options.environment where to, and as whom, by the names that libpq looks for
 * @param options.tests these alone, one after the other, in place of the suite's schedule
 * @throws Error when the suite could not be run; tests that fail are in the result
 */
export async function runSuite(
  suite: SuiteName,
  source: SuiteSource,
  options: {
    readonly folder: string;
    readonly environment: Readonly<Record<string, string>>;
    readonly tests?: readonly string[];
    readonly ended: (test: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<Pass> {
  const { folder, environment, tests, ended, signal } = options;
  const outputs = join(folder, "results");
  await mkdir(outputs, { recursive: true });
  // The server writes here too, as a user of its own.
  await chmod(outputs, 0o777);
  const inputs = join(source.tests, suite);
  const args = [
    ...[
      "--use-existing",
      `--dbname=${databases[suite]}`,
      `--bindir=${source.bindir}`,
      "--max-concurrent-tests=20",
    ],
    ...[`--inputdir=${inputs}`, `--outputdir=${folder}`, `--dlpath=${source.modules}`],
    `--launcher=timeout --signal=KILL ${TEST_LIMIT}`,
    `--host=${environment["PGHOST"] ?? ""}`,
    `--port=${environment["PGPORT"] ?? ""}`,
    ...(tests ?? [`--schedule=${join(inputs, SCHEDULES[suite])}`]),
  ];
  signal.throwIfAborted();
  const child = spawn(join(source.drivers, DRIVERS[suite]), args, {
    cwd: folder,
    env: environment,
    // A group of its own, so that the clients it has started end with it.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const limit = AbortSignal.timeout(PASS_LIMIT);
  const stop = AbortSignal.any([signal, limit]);
  const end = () => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  stop.addEventListener("abort", end, { once: true });
  const results = new Map<string, boolean>();
  let said = "";
  const read = (line: string) => {
    said += `${line}\n`;
    const [, test, result] = RESULT.exec(line) ?? [];
    if (test === undefined) return;
    results.set(test, result === "ok");
    ended(test);
  };
  createInterface(child.stdout).on("line", read);
  createInterface(child.stderr).on("line", read);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  stop.removeEventListener("abort", end);
  signal.throwIfAborted();
  await writeFile(join(folder, "driver.log"), said);
  // 1 says that tests failed, which is for the comparison to judge.
  if (code !== 0 && code !== 1 && !limit.aborted)
    throw new Error(`${suite} could not be run (code ${code}):\n${said}`);
  return { results, outputs };
}
