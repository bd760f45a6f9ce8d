/**
 * Fuzzes what the SSH adapter takes from clients that are not in:
 *
 *   npm run fuzz -- ssh --seconds 60 [--seed N]
 *
 * All decoders, and conversations that are broken somewhere between the first byte and the log-in. Nobody may get in, nothing may
 * reach the target, no connection may stay, somebody honest has to get in at once, and nothing may be left in memory. A finding is
 * printed with its seed and with as few steps as still show it. Exits with 1 where there are findings.
 */
import { parseArgs } from "node:util";
import { messageOf } from "@gatehouse/core";
import { collector } from "@gatehouse/testkit";
import { fuzzCodec } from "./codec.ts";
import { playSeeds } from "./sessions.ts";
import { startSite } from "./site.ts";

/** Conversations before it is looked at what they did; so many times, the site is made anew, since it writes all down. */
const BATCH = 100;
const BATCHES = 5;
/** Rounds of the codec for one conversation. */
const CODEC_ROUNDS = 100;
/** Bytes by which the heap may differ from itself: what thousands of connections leave behind would be far more. */
const GROWTH = 16 * 1024 * 1024;

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, seed: { type: "string", default: "1" } },
});

function number(name: "seconds" | "seed"): number {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`--${name} takes a whole number`);
  return value;
}

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupted.abort());

const first = number("seed");
const end = Date.now() + number("seconds") * 1000;
const collect = collector();
/** The heap after each site. */
const heaps: number[] = [];
let seed = first;
let findings = 0;

function found(what: string): void {
  findings++;
  process.stdout.write(`✘ ${what}\n`);
}

// What nobody has caught would end a gateway; whose doing it was is among those that are being played.
process.on("uncaughtException", (error) =>
  found(`seeds ${seed} to ${seed + BATCH - 1}: ${error.stack ?? error.message}`),
);

const isOver = (): boolean => Date.now() >= end || interrupted.signal.aborted;

while (!isOver()) {
  const site = await startSite();
  for (let batch = 0; batch < BATCHES && !isOver(); batch++, seed += BATCH) {
    for (let round = 0; round < BATCH * CODEC_ROUNDS; round++) {
      try {
        fuzzCodec(seed * CODEC_ROUNDS + round);
      } catch (error) {
        found(`${messageOf(error)}: ${error instanceof Error ? messageOf(error.cause) : ""}`);
      }
    }
    const finding = await playSeeds(site, seed, BATCH);
    if (finding) found(`seed ${finding.seed}: ${finding.what}\n  ${JSON.stringify(finding.steps)}`);
  }
  await site.close();
  collect();
  heaps.push(process.memoryUsage().heapUsed);
}

// The first ones warm up.
const [before, after] = [heaps[1], heaps.at(-1)];
if (before !== undefined && after !== undefined && after - before > GROWTH)
  found(`${before} bytes are kept after two sites, ${after} at the end`);
const played = seed - first;
process.stdout.write(
  `${played} conversations and ${played * CODEC_ROUNDS} rounds of the codec, from seed ${first} on: ${findings} findings\n`,
);
process.exitCode = findings === 0 ? 0 : 1;
