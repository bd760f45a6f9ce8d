import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { quantile } from "../../statistics.ts";
import type { PostgresWork } from "../stage.ts";
import type { Mode } from "./pgbench-works.ts";
import { pgbench } from "../pgbench.ts";

const PREFIX = "latency";

/** What one client that is alone waits for one row: each transaction from pgbench's own log. */
export function latency(mode: Mode): PostgresWork {
  const line = (percentile: string) =>
    ({
      name: `latency ${mode} ${percentile} tls`,
      unit: "us",
      against: "added",
      wanted: { atMost: 1.3 },
    }) as const;
  return {
    name: `latency ${mode} tls`,
    lines: [line("p50"), line("p99")],
    peers: ["direct", "pgbouncer", "gateway"],
    transport: "tls",
    set: "latency",
    async sample({ site }, peer, seconds) {
      const args = ["-S", "-M", mode, "-c", "1", "-l", "--log-prefix", PREFIX];
      const { transactions } = await pgbench(site, peer, "reader", seconds, args);
      const times: number[] = [];
      for (const file of await readdir(site.folder)) {
        if (!file.startsWith(`${PREFIX}.`)) continue;
        times.push(...transactionTimes(await readFile(join(site.folder, file), "utf8")));
        await rm(join(site.folder, file));
      }
      return { figures: [quantile(times, 0.5), quantile(times, 0.99)], count: transactions };
    },
  };
}

/** Microseconds of each transaction: the third field of a line (PostgreSQL documentation, "Per-Transaction Logging"). */
export function transactionTimes(log: string): number[] {
  return log
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const time = Number(line.split(" ")[2]);
      if (!Number.isFinite(time)) throw new Error("A line of pgbench's log that has no time.");
      return time;
    });
}
