import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../processes.ts";
import type { Sample } from "../../work.ts";
import type { Level } from "../levels.ts";
import type { PostgresPeer, PostgresWork } from "../stage.ts";
import { pgbench } from "../pgbench.ts";
import { rowsFile } from "../server.ts";
import type { Site } from "../site.ts";

const LIMIT = 5 * 60_000;

/** Many rows out, by a SELECT, by COPY, and in by COPY. The rates are without connecting. */
export function bulk(rows: number): PostgresWork[] {
  const work = (name: string, sample: PostgresWork["sample"]): PostgresWork => ({
    name,
    lines: [{ name, unit: "rows/s", against: "pgbouncer", wanted: { atLeast: 0.95 } }],
    peers: ["direct", "pgbouncer", "gateway"],
    transport: "tls",
    set: "bulk",
    sample,
  });
  return [
    work("rows out tls", async ({ site }, peer, seconds) => {
      const script = join(site.folder, "rows.sql");
      await writeFile(script, "select * from bench_rows;\n");
      const { tps, transactions } = await pgbench(site, peer, "reader", seconds, ["-f", script]);
      return { figures: [tps * rows], count: transactions * rows };
    }),
    work("copy out tls", ({ site }, peer, seconds) =>
      copies(site, peer, { command: "\\copy bench_rows to '/dev/null'", times: seconds, rows }),
    ),
    work("copy in tls", async ({ site, server }, peer, seconds) => {
      await server.admin("truncate bench_copied");
      return copies(site, peer, {
        command: `\\copy bench_copied from '${rowsFile(site)}'`,
        times: seconds,
        rows,
      });
    }),
  ];
}

/** What is copied, how often, how many rows it has, and by whom. */
interface Copies {
  readonly command: string;
  readonly times: number;
  readonly rows: number;
  readonly level?: Level;
}

/** The same copy several times in one session of psql, which says how long each took. */
export async function copies(
  site: Site,
  peer: PostgresPeer,
  { command, times, rows, level = "writer" }: Copies,
): Promise<Sample> {
  const repeated = Array.from({ length: times }, () => ["-c", command]).flat();
  const output = await run(
    {
      program: site.programs.psql,
      args: ["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", "\\timing on", ...repeated],
      env: peer.clientEnvironment(level),
      cwd: site.folder,
      signal: site.signal,
    },
    LIMIT,
  );
  const milliseconds = timings(output);
  if (milliseconds.length !== times) throw new Error(`psql timed ${milliseconds.length} of ${times} copies.`);
  const count = rows * times;
  return { figures: [(count * 1000) / milliseconds.reduce((sum, time) => sum + time, 0)], count };
}

/** Milliseconds, from what `\timing` prints: `Time: 1234.567 ms (00:01.235)`. */
export function timings(output: string): number[] {
  return [...output.matchAll(/^Time: ([\d.]+) ms/gm)].map(([, time]) => Number(time));
}
