import { mintedLevels, type Transport, type Work } from "../work.ts";
import type { Amounts } from "./server.ts";
import type { Stage } from "./stage.ts";
import { approvals } from "./works/approvals.ts";
import { besideHolds } from "./works/beside-holds.ts";
import { bulk } from "./works/bulk.ts";
import { decisions } from "./works/decisions.ts";
import { heldMemory } from "./works/held-memory.ts";
import { latency } from "./works/latency.ts";
import { maskedRows } from "./works/masked-rows.ts";
import { memory } from "./works/memory.ts";
import { sessionsAtPace, visits } from "./works/minted.ts";
import { connect, type Mode, select, tpcb } from "./works/pgbench-works.ts";

const MODES: readonly Mode[] = ["simple", "prepared", "extended"];
const TRANSPORTS: readonly Transport[] = ["tls", "plain"];

const NO_MASKS = { people: 0, tables: 0 };

/** Works, and what they need to find in the server. */
export interface Programme {
  readonly works: readonly Work<Stage>[];
  readonly amounts: Amounts;
}

export function everything(): Programme {
  const amounts = { scale: 10, rows: 1_000_000, ...NO_MASKS };
  const selects = TRANSPORTS.flatMap((transport) =>
    MODES.flatMap((mode) => [1, 8, 64].map((clients) => select(mode, clients, transport))),
  );
  const works = [
    ...selects,
    ...[tpcb("simple", 8), tpcb("prepared", 8)],
    ...bulk(amounts.rows),
    ...[connect(1), connect(8)],
    ...[latency("simple"), latency("prepared")],
    ...[memory(1000), memory(2000)],
  ];
  return { works, amounts };
}

/** A smoke run: something of each kind, on little data. */
export function sampler(): Programme {
  const amounts = { scale: 1, rows: 100_000, ...NO_MASKS };
  const works = [
    ...MODES.map((mode) => select(mode, 8, "tls")),
    select("simple", 8, "plain"),
    tpcb("simple", 8),
    ...bulk(amounts.rows),
    connect(8),
    latency("simple"),
    memory(100),
  ];
  return { works, amounts };
}

/** What masks cost, and decisions that rest on them. */
export function masking(quick: boolean): Programme {
  const amounts = { scale: 1, rows: 0, people: quick ? 50_000 : 200_000, tables: 300 };
  return { works: [...maskedRows(amounts.people), decisions()], amounts };
}

/** How long a command takes from a person's yes on, and what those that wait cost the others. */
export function holding(quick: boolean): Programme {
  const amounts = { scale: 1, rows: 0, ...NO_MASKS };
  const least = quick ? 200 : 1000;
  const works = [
    ...[approvals({ least, busy: false }), approvals({ least, busy: true })],
    ...besideHolds(),
    heldMemory(),
  ];
  return { works, amounts };
}

/** What it takes that each session has a user of its own; with a server that waits for its disk, and with one that does not. */
export function minting(quick: boolean): Programme {
  const amounts = { scale: 1, rows: 0, ...NO_MASKS };
  const works = [false, true].flatMap((fsync) => [
    ...mintedLevels.map((level) => visits(level, { fsync })),
    sessionsAtPace({ fsync, seconds: quick ? 10 : 120 }),
  ]);
  return { works, amounts };
}
