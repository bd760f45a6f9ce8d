import { run } from "../processes.ts";
import type { Level } from "./levels.ts";
import type { PostgresPeer } from "./stage.ts";
import type { Site } from "./site.ts";

/** What a run of pgbench came to. */
export interface PgbenchResult {
  readonly tps: number;
  readonly transactions: number;
}

/** Seconds: its clock begins before its clients connect, and a cold proxy on a busy machine takes its time. */
const CONNECTING = 1;
/** Above what it was told: for connecting and for the last transactions. */
const GRACE = 60_000;

/** Runs pgbench at a peer for so many seconds. */
export async function pgbench(
  site: Site,
  peer: PostgresPeer,
  level: Level,
  seconds: number,
  args: readonly string[],
): Promise<PgbenchResult> {
  const output = await run(
    {
      program: site.programs.pgbench,
      args: ["-n", "-T", String(seconds + CONNECTING), ...args],
      env: peer.clientEnvironment(level),
      cwd: site.folder,
      signal: site.signal,
    },
    seconds * 1000 + GRACE,
  );
  return readResult(output);
}

/**
 * Reads what pgbench prints (PostgreSQL documentation, "pgbench"). Connecting is not in the rate, unless each
 * transaction has a connection of its own.
 * @throws Error when a transaction failed, or none was done
 */
export function readResult(output: string): PgbenchResult {
  const tps = Number(/^tps = ([\d.]+) /m.exec(output)?.[1]);
  const transactions = Number(/^number of transactions actually processed: (\d+)/m.exec(output)?.[1]);
  const failed = Number(/^number of failed transactions: (\d+)/m.exec(output)?.[1] ?? 0);
  if (transactions === 0)
    throw new Error("pgbench did no transaction in its time, in which it also connects.");
  if (!(tps > 0) || !(transactions > 0) || failed > 0) throw new Error(`pgbench failed:\n${output}`);
  return { tps, transactions };
}
