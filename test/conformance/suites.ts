import { spawn } from "node:child_process";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ClientEnvironment, Door } from "./clients.ts";
import { databases } from "./postgres.ts";
import type { SuiteSource } from "./suite-source.ts";

export type SuiteName = keyof typeof databases;
export const suites: readonly SuiteName[] = ["regress", "isolation"];

/** How one pass of a suite went, by the suite's own word. */
export interface Pass {
  /** Test -> whether its output was the expected one, in the order in which they ended. */
  readonly results: ReadonlyMap<string, boolean>;
  /** Where it ran: a test may have printed that. */
  readonly folder: string;
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
/**
 * isolationtester takes all that has come on a connection in one read, and then goes on as if nothing else were there:
 * over TLS, libpq reads one record, and a NOTICE in the next is printed some steps too late on a busy machine.
 */
const DOORS: Readonly<Record<SuiteName, Door>> = { regress: "tls", isolation: "socket" };
/** Seconds that one test may take. A client that hangs is ended, so that the others still run. */
const TEST_LIMIT = 120;
/**
 * What starts each client, and the folder that then has its output. In the foreground, `timeout` stays in the driver's
 * group, and ends with it.
 */
const LAUNCHERS: Readonly<Record<SuiteName, { readonly command: string; readonly outputs: string }>> = {
  regress: { command: join(import.meta.dirname, "psql.sh"), outputs: "full" },
  isolation: { command: `timeout --foreground --signal=KILL ${TEST_LIMIT}`, outputs: "results" },
};
/** Milliseconds that one pass may take. What has not ended by then counts as not run. */
const PASS_LIMIT = 10 * 60 * 1000;

/** A driver's line on a test that has ended. */
const RESULT = /^\s*(?:test )?(\S+)\s+\.\.\.\s+(ok|FAILED|failed \(ignored\))/;

/** What a schedule names, in its order, without what it says to ignore. */
export async function testsOf(suite: SuiteName, source: SuiteSource): Promise<string[]> {
  const text = await readFile(join(source.tests, suite, SCHEDULES[suite]), "utf8");
  return [...text.matchAll(/^test:(.*)$/gm)].flatMap(([, names = ""]) => names.trim().split(/\s+/));
}

/**
 * Runs a suite once.
 * @param options.environments where to, and as whom
 * @param options.tests these alone, one after the other, in place of the suite's schedule
 * @throws Error when the suite could not be run; tests that fail are in the result
 */
export async function runSuite(
  suite: SuiteName,
  source: SuiteSource,
  options: {
    readonly folder: string;
    readonly environments: Readonly<Record<Door, ClientEnvironment>>;
    readonly tests?: readonly string[];
    readonly ended: (test: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<Pass> {
  const { folder, environments, tests, ended, signal } = options;
  const environment = environments[DOORS[suite]];
  const results = join(folder, "results");
  const outputs = join(folder, LAUNCHERS[suite].outputs);
  for (const path of [results, outputs]) await mkdir(path, { recursive: true });
  // The server writes here too, as a user of its own.
  await chmod(results, 0o777);
  const inputs = join(source.tests, suite);
  const args = [
    ...[
      "--use-existing",
      `--dbname=${databases[suite]}`,
      `--bindir=${source.bindir}`,
      "--max-concurrent-tests=20",
    ],
    ...[`--inputdir=${inputs}`, `--outputdir=${folder}`, `--dlpath=${source.modules}`],
    `--launcher=${LAUNCHERS[suite].command}`,
    `--host=${environment["PGHOST"] ?? ""}`,
    `--port=${environment["PGPORT"] ?? ""}`,
    ...(tests ?? [`--schedule=${join(inputs, SCHEDULES[suite])}`]),
  ];
  signal.throwIfAborted();
  const child = spawn(join(source.drivers, DRIVERS[suite]), args, {
    cwd: folder,
    env: { ...environment, TEST_LIMIT: String(TEST_LIMIT), FULL_OUTPUT: outputs },
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
  const verdicts = new Map<string, boolean>();
  let said = "";
  const read = (line: string) => {
    said += `${line}\n`;
    const [, test, result] = RESULT.exec(line) ?? [];
    if (test === undefined) return;
    verdicts.set(test, result === "ok");
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
  return { results: verdicts, folder, outputs };
}
