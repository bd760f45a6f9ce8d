/**
 * A gateway under mixed load for as long as one likes: queries, pipelines, COPY both ways, cancels, refusals, slow
 * readers, clients that vanish; the gateway is killed and started again, and so is the server. At the end it is drained,
 * and nothing may be left: no socket, no backend, no session on the audit log that never closed, nothing that keeps the
 * process from ending by itself (a timer, a listener, a thread); and its memory has to be what it was.
 *
 * The first third is for kills of the gateway; what is left is one life of it, whose memory is compared.
 *
 * Or, in place of the load, one large result and COPY at a time, through which its memory has to stay what it was; or
 * real clients whose command waits for a person.
 */
import { setTimeout as pause } from "node:timers/promises";
import { messageOf } from "@gatehouse/core";
import { auditLines, verifyState } from "../environment.ts";
import type { Chance } from "./deeds.ts";
import { type Load, startLoad } from "./load.ts";
import { holdClients } from "./hold.ts";
import { mintSessions } from "./mint.ts";
import { HELP, type LoadOptions, readOptions } from "./options.ts";
import { figuresOf } from "./process-figures.ts";
import { megabytes, say } from "./progress.ts";
import { type Site, startSite } from "./site.ts";
import { streamThrough } from "./streams.ts";
import { flatness, type Sample, watch } from "./watch.ts";

/** Milliseconds. */
const BETWEEN_KILLS = 6000;
const BETWEEN_CRASHES = 15_000;
const PROGRESS = 5000;
/** How long what is closed may take to be gone, and a process that was told to end. */
const DRAIN = 20_000;

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupted.abort());

/** A wait that an interrupt ends. */
async function wait(milliseconds: number): Promise<void> {
  await pause(milliseconds, undefined, { signal: interrupted.signal }).catch(() => undefined);
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  if ("hold" in options) {
    return judge(await holdClients(options.hold, interrupted.signal), "all of them had what they waited for");
  }
  if ("sessions" in options) {
    return judge(
      await mintSessions(options.sessions, interrupted.signal),
      "no user is left, and no more room is taken",
    );
  }
  const site = await startSite();
  try {
    await site.gateway.start();
    if ("bytes" in options) {
      const wrong = await streamThrough(site, options.bytes, interrupted.signal);
      return judge(wrong, "memory stays what it was");
    }
    return judge(await soak(site, options), "nothing is left behind");
  } finally {
    await site.stop();
  }
}

/** @param good what to say where nothing is wrong @returns the exit code */
function judge(wrong: readonly string[], good: string): number {
  for (const what of wrong) say(`✘ ${what}`);
  if (wrong.length === 0) say(`✔ ${good}`);
  return wrong.length === 0 ? 0 : 1;
}

async function soak(site: Site, { length, seed }: LoadOptions): Promise<string[]> {
  say(`seed ${seed}`);
  const chances = chancesFrom(seed);
  const load = startLoad(site, chances);
  const chance = chances();
  const begun = Date.now();
  const left = (part: number) => begun + length * part - Date.now();
  while (left(1 / 3) > 0 && !interrupted.signal.aborted) {
    await wait(Math.min(left(1 / 3), BETWEEN_KILLS * (0.5 + chance())));
    say(`kill -9 of the gateway under ${progressOf(load)}`);
    await site.gateway.kill();
    await site.gateway.start();
  }
  const samples: Sample[] = [];
  const over = new AbortController();
  const watching = watch(site, over.signal, (sample) => samples.push(sample));
  const reporting = setInterval(() => {
    const last = samples.at(-1);
    if (last) say(`${progressOf(load)}; ${last.connections} connections, ${megabytes(last.resident)}`);
  }, PROGRESS);
  // The last quarter is left in peace, as the first was: what they keep is compared.
  while (left(0.8) > 0 && !interrupted.signal.aborted) {
    await wait(Math.min(left(0.8), BETWEEN_CRASHES * (0.5 + chance())));
    if (left(0.8) <= 0) break;
    say("crash of the server");
    await site.demo.database.server.crash();
    await site.demo.database.server.start();
  }
  await wait(Math.max(left(1), 0));
  clearInterval(reporting);
  over.abort();
  await watching;
  say("draining");
  await load.stop();
  return leaksOf(site, load, samples);
}

/** What is left behind, in words. */
async function leaksOf(site: Site, load: Load, samples: readonly Sample[]): Promise<string[]> {
  const leaks = [...load.wrong];
  const { gateway } = site;
  const connections = async () => (await figuresOf(gateway.pid)).connections;
  if (!(await eventually(async () => (await site.backends()) === 0))) {
    leaks.push(`${await site.backends()} backends at the server`);
  }
  if (!(await eventually(async () => (await connections()).length === 0))) {
    leaks.push(`sockets of the gateway: ${(await connections()).join(", ")}`);
  }
  for (const [what, figures] of [
    ["resident memory", samples.map(({ resident }) => resident)],
    ["live heap", samples.flatMap(({ heaps }) => heaps)],
  ] as const) {
    const found = flatness(figures);
    if (!found) {
      say(`${what}: too few figures to compare`);
      continue;
    }
    say(`${what}: ${megabytes(found.first)} in the first quarter, ${megabytes(found.last)} in the last`);
    if (!found.flat) leaks.push(`${what} grew from ${megabytes(found.first)} to ${megabytes(found.last)}`);
  }
  const code = await gateway.stop(DRAIN);
  if (code === undefined) leaks.push("the gateway did not end by itself: something keeps its process alive");
  else if (code !== 0) leaks.push(`the gateway ended with code ${code}`);
  leaks.push(...(await unclosedSessions(site)));
  for (const fault of gateway.faults.slice(0, 10)) leaks.push(`the gateway's log: ${fault.slice(0, 500)}`);
  say(`${progressOf(load)}: ${[...load.done].map(([name, count]) => `${name} ${count}`).join(", ")}`);
  return leaks;
}

/** Of the gateway's last life: what was opened there has to be closed. */
async function unclosedSessions({ state }: Site): Promise<string[]> {
  const verified = await verifyState(state);
  if (!verified.ok) return [`the audit log does not verify: ${JSON.stringify(verified)}`];
  const lines = await auditLines(state);
  const life = lines.slice(lines.findLastIndex(({ type }) => type === "gateway.started"));
  const of = (type: string) =>
    life.flatMap((line) => (line.type === type && "session" in line ? [line.session] : []));
  const closed = new Set(of("session.closed"));
  const open = of("session.opened").filter((session) => !closed.has(session));
  return open.length === 0
    ? []
    : [`${open.length} sessions that the audit log never closes: ${open.slice(0, 5).join()}`];
}

function progressOf(load: Load): string {
  const done = [...load.done.values()].reduce((sum, count) => sum + count, 0);
  return `${done} deeds done, ${load.broken} broken off, ${load.wrong.length} wrong`;
}

async function eventually(holds: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + DRAIN;
  while (Date.now() < deadline) {
    if (await holds()) return true;
    await pause(100);
  }
  return false;
}

/** Makes generators whose choices are the same at each run (mulberry32). */
function chancesFrom(seed: number): () => Chance {
  let next = seed;
  return () => {
    let state = next++ * 7919;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
    };
  };
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`✘ ${messageOf(error)}\n`);
  process.exitCode = error instanceof TypeError ? 2 : 1;
}
