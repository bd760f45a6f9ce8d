import type { Line } from "../../work.ts";
import type { PostgresWork, Transport } from "../stage.ts";
import { pgbench } from "../pgbench.ts";

const PEERS = ["direct", "pgbouncer", "gateway"] as const;
export type Mode = "simple" | "prepared" | "extended";

const parallel = (clients: number) => ["-c", String(clients), "-j", String(Math.min(clients, 2))];

/** pgbench -S: one row by its key. */
export function select(mode: Mode, clients: number, transport: Transport): PostgresWork {
  const name = `select ${mode} ${clients} ${transport}`;
  return {
    ...throughput(name, { against: "pgbouncer", wanted: { atLeast: 0.9 } }),
    transport,
    set: `select ${transport}`,
    async sample({ site }, peer, seconds) {
      const args = ["-S", "-M", mode, ...parallel(clients)];
      const { tps, transactions } = await pgbench(site, peer, "reader", seconds, args);
      return { figures: [tps], count: transactions };
    },
  };
}

/** pgbench's own script, which resembles TPC-B: five statements in a transaction. */
export function tpcb(mode: Mode, clients: number): PostgresWork {
  return {
    ...throughput(`tpcb ${mode} ${clients} tls`, { against: "pgbouncer", wanted: { atLeast: 0.95 } }),
    set: "tpcb",
    async sample({ site, server }, peer, seconds) {
      // Each run finds the tables as small as the one before it did.
      await server.admin("vacuum full pgbench_branches, pgbench_tellers", "truncate pgbench_history");
      const args = ["-M", mode, ...parallel(clients)];
      const { tps, transactions } = await pgbench(site, peer, "writer", seconds, args);
      return { figures: [tps], count: transactions };
    },
  };
}

/** Connect, one query, disconnect. */
export function connect(clients: number): PostgresWork {
  return {
    ...throughput(`connect ${clients} tls`, { against: "direct", wanted: { atLeast: 0.5 } }),
    set: "connect",
    async sample({ site }, peer, seconds) {
      const { tps, transactions } = await pgbench(site, peer, "reader", seconds, [
        "-S",
        "-C",
        ...parallel(clients),
      ]);
      return { figures: [tps], count: transactions };
    },
  };
}

function throughput(name: string, wanted: Pick<Line, "against" | "wanted">) {
  return { name, lines: [{ name, unit: "tps", ...wanted }], peers: PEERS, transport: "tls" } as const;
}
