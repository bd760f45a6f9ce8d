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
      const last = `the last of ${count}`;
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

/**
 * Sends a result and COPY data through the gateway, TLS on both sides of it: at first one of them takes nothing, then as
 * much as it can.
 * @param bytes each way
 * @param signal ends it
 * @returns what of it has gone wrong, in words
 * @throws Error when a session breaks off
 */
export async function streamThrough(site: Site, bytes: number, signal: AbortSignal): Promise<string[]> {
  const wrong: string[] = [];
  const one = async (name: string, { who, stream }: Way, size: number) => {
    const session = await CountingSession.open(site.demo, site.port, site[who]);
    const end = () => session.socket.destroy();
    signal.addEventListener("abort", end);
    try {
      signal.throwIfAborted();
      const count = Math.ceil(size / ROW);
      const come = await stream(session, count);
      if (session.errors.length > 0) wrong.push(`${name} failed by ${session.errors.join(", ")}`);
      else if (come !== count) wrong.push(`${name}: of ${count} rows ${come} have come`);
    } finally {
      signal.removeEventListener("abort", end);
      end();
    }
  };
  for (const [name, way] of Object.entries(ways)) await one(name, way, WARM_UP);
  const { pid } = site.gateway;
  const { resident: before } = await figuresOf(pid);
  say(`${megabytes(before)} resident`);
  for (const [name, way] of Object.entries(ways)) {
    const begun = Date.now();
    await one(name, way, bytes);
    const seconds = Math.round((Date.now() - begun) / 1000);
    const { resident, peak } = await figuresOf(pid);
    const memory = `${megabytes(resident)} resident, ${megabytes(peak)} at most`;
    say(`${name}: ${bytes / 1e9} GB in ${seconds} s; ${memory}`);
    if (peak > before + GARBAGE) wrong.push(`memory went up to ${megabytes(peak)} at ${name}`);
  }
  return [...wrong, ...site.gateway.faults];
}
