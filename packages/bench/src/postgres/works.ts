import type { Programme } from "../programme.ts";
import { startBench } from "./bench.ts";
import { mintedLevels } from "./levels.ts";
import { TRANSPORTS } from "./peers/ways.ts";
import type { Amounts } from "./server.ts";
import type { PostgresPeer, PostgresWork, Stage, Transport } from "./stage.ts";
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
const WAYS: readonly Transport[] = ["tls", "plain"];

const NO_MASKS = { people: 0, tables: 0 };

type PostgresProgramme = Programme<Stage, PostgresPeer, PostgresWork>;

/** @param amounts what the works need to find in the server */
function programme(works: readonly PostgresWork[], amounts: Amounts): PostgresProgramme {
  return { works, notes: NOTES, start: (profiles, signal) => startBench(amounts, profiles, signal) };
}

export function everything(): PostgresProgramme {
  const amounts = { scale: 10, rows: 1_000_000, ...NO_MASKS };
  const selects = WAYS.flatMap((transport) =>
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
  return programme(works, amounts);
}

/** A smoke run: something of each kind, on little data. */
export function sampler(): PostgresProgramme {
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
  return programme(works, amounts);
}

/** What masks cost, and decisions that rest on them. */
export function masking(quick: boolean): PostgresProgramme {
  const amounts = { scale: 1, rows: 0, people: quick ? 50_000 : 200_000, tables: 300 };
  return programme([...maskedRows(amounts.people), decisions()], amounts);
}

/** How long a command takes from a person's yes on, and what those that wait cost the others. */
export function holding(quick: boolean): PostgresProgramme {
  const amounts = { scale: 1, rows: 0, ...NO_MASKS };
  const least = quick ? 200 : 1000;
  const works = [
    ...[approvals({ least, busy: false }), approvals({ least, busy: true })],
    ...besideHolds(),
    heldMemory(),
  ];
  return programme(works, amounts);
}

/** What it takes that each session has a user of its own; with a server that waits for its disk, and with one that does not. */
export function minting(quick: boolean): PostgresProgramme {
  const amounts = { scale: 1, rows: 0, ...NO_MASKS };
  const works = [false, true].flatMap((fsync) => [
    ...mintedLevels.map((level) => visits(level, { fsync })),
    sessionsAtPace({ fsync, seconds: quick ? 10 : 120 }),
  ]);
  return programme(works, amounts);
}

/** The relay beside the others, where the transport is one that it speaks. */
export function withRelay(from: PostgresProgramme): PostgresProgramme {
  const works = from.works.map((work) => {
    const compares = work.transport === "tls" && work.peers.includes("direct");
    if (!compares || work.peers.includes("relay")) return work;
    return { ...work, peers: [...work.peers, "relay" as const] };
  });
  return { ...from, works };
}

const NOTES = `ratio: the gateway's figure against pgbouncer's, unless "wanted" says otherwise; the median of the rounds' ratios.
of unmasked: the same gateway's figure at a level where no rule masks.
of unheld: the same gateway's figure while no command waits.
of standing: the same gateway's figure at a level whose user stands in the config.
of added: what the gateway adds to direct's time, against what pgbouncer adds to it.
cpu: the process's processor time for each transaction or row, in microseconds.
tls: ${TRANSPORTS.tls}.
plain: ${TRANSPORTS.plain}.
The server runs with fsync off, unless a work's name says otherwise. The gateway checks a token, ten rules and every statement, and writes its audit log.
`;
