import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { message } from "../raw.ts";
import { figuresOf } from "./process-figures.ts";
import { megabytes, say } from "./progress.ts";
import { CountingSession } from "./raw-session.ts";
import { type Site, STALL, STALLS } from "./site.ts";

/** Bytes of a row's text. */
const ROW = 1000;
/** Rows that the client copies in at a time. */
const BATCH = 64;
/** Bytes each way, before memory is compared: what the gateway needs once, it has then. */
const WARM_UP = 64_000_000;
/** Bytes that memory may go up by all the same, whatever the amount: what V8 has not collected yet. */
const GARBAGE = 64 * 1024 * 1024;

const query = (text: string) => message("Q", Buffer.from(`${text}\0`));
const rows = (count: number) => `select repeat('x', ${ROW}), generate_series(1, ${count})`;

/** So many rows one way. @returns how many have come */
type Stream = (session: CountingSession, count: number) => Promise<number>;

interface Way {
  readonly who: "reader" | "writer";
  readonly stream: Stream;
}

async function begin({ socket }: CountingSession, text: string): Promise<void> {
  socket.write(query(text));
  socket.pause();
  await pause(STALL);
  socket.resume();
}

const ways: Readonly<Record<string, Way>> = {
  "a result": {
    who: "reader",
    stream: async (session, count) => {
      await begin(session, rows(count));
      await session.until("Z", 2);
      return session.count("D");
    },
  },
  "COPY out": {
    who: "reader",
    stream: async (session, count) => {
      await begin(session, `copy (${rows(count)}) to stdout`);
      await session.until("Z", 2);
      return session.count("d");
    },
  },
  "COPY in": {
    who: "writer",
    // The server leaves out all rows but the one at which it stalls and the last, which says that it has read the others.
    stream: async (session, count) => {
      const last = `last ${randomUUID()}`;
      session.socket.write(query(`copy marks from stdin where mark in ('${STALLS}', '${last}')`));
      await session.until("G", 1);
      await session.send(message("d", Buffer.from(`${STALLS}\n`)));
      const batch = message("d", Buffer.from(`${"x".repeat(ROW)}\n`.repeat(BATCH)));
      for (let sent = 0; sent < count; sent += BATCH) await session.send(batch);
      await session.send(message("d", Buffer.from(`${last}\n`)));
      await session.send(message("c", Buffer.alloc(0)));
      await session.until("Z", 2);
      session.socket.write(query(`select from marks where mark = '${last}'`));
      await session.until("Z", 3);
      return session.count("D") === 1 ? count : 0;
    },
  },
};

/** @returns what has gone wrong, in words @throws Error when the session breaks off */
async function through(
  site: Site,
  { who, stream }: Way,
  bytes: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  signal.throwIfAborted();
  const session = await CountingSession.open(site.demo, site.port, site[who]);
  const end = () => session.socket.destroy();
  signal.addEventListener("abort", end);
  try {
    const count = Math.ceil(bytes / ROW);
    const come = await stream(session, count);
    if (session.errors.length > 0) return [`it failed by ${session.errors.join(", ")}`];
    return come === count ? [] : [`of ${count} rows ${come} have come`];
  } finally {
    signal.removeEventListener("abort", end);
    end();
  }
}

/**
 * Sends a result and COPY data through the gateway, TLS on both sides of it: at first who receives takes nothing, then as
 * much as it can.
 * @param bytes each way
 * @param signal ends it
 * @returns what has gone wrong, in words
 * @throws Error when a session breaks off
 */
export async function streamThrough(site: Site, bytes: number, signal: AbortSignal): Promise<string[]> {
  for (const way of Object.values(ways)) await through(site, way, WARM_UP, signal);
  const { pid } = site.gateway;
  const { resident: before } = await figuresOf(pid);
  say(`${megabytes(before)} resident`);
  const wrong: string[] = [];
  for (const [name, way] of Object.entries(ways)) {
    const begun = Date.now();
    const failures = await through(site, way, bytes, signal);
    wrong.push(...failures.map((failure) => `${name}: ${failure}`));
    const seconds = Math.round((Date.now() - begun) / 1000);
    const { resident, peak } = await figuresOf(pid);
    const memory = `${megabytes(resident)} resident, ${megabytes(peak)} at most`;
    say(`${name}: ${bytes / 1e9} GB in ${seconds} s; ${memory}`);
    if (peak > before + GARBAGE) wrong.push(`${name}: memory went up to ${megabytes(peak)}`);
  }
  return [...wrong, ...site.gateway.faults];
}
