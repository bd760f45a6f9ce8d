/**
 * Fuzzes the PostgreSQL adapter against a real server:
 *
 *   npm run fuzz -- postgres --seconds 60 [--seed N]     the codec, and conversations played to the server and to the gateway
 *   npm run fuzz -- postgres --frames 1000000            so many random frames through sessions, without growth
 *
 * The kept conversations come first. A finding is printed with its seed and with as few messages as still show it, in the
 * form in which `corpus/` keeps them. Exits with 1 where there are findings.
 */
import { parseArgs } from "node:util";
import { collector } from "@gatehouse/testkit";
import { fuzzCodec } from "./codec.ts";
import { keptSessions } from "./corpus.ts";
import { GROWTH, sendFrames } from "./frames.ts";
import { compare, trySession } from "./sessions.ts";
import { type Site, startSite } from "./site.ts";

/** Rounds of the codec for one conversation: they cost a thousandth. */
const CODEC_ROUNDS = 200;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    frames: { type: "string" },
  },
});

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupted.abort());

function number(name: "seconds" | "seed" | "frames"): number {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`--${name} takes a whole number`);
  return value;
}

/** @returns how many findings there were */
async function fuzz(site: Site): Promise<number> {
  let findings = 0;
  const found = (where: string, what: string) => {
    findings++;
    process.stdout.write(`✘ ${where}: ${what}\n`);
  };
  const first = number("seed");
  for (const { name, steps } of keptSessions()) {
    const kept = await compare(site, steps, first);
    if (kept !== undefined) found(name, kept);
  }
  const end = Date.now() + number("seconds") * 1000;
  let seed = first;
  for (; Date.now() < end && !interrupted.signal.aborted; seed++) {
    for (let round = 0; round < CODEC_ROUNDS; round++) fuzzCodec(seed * CODEC_ROUNDS + round);
    const finding = await trySession(site, seed);
    if (finding) found(`seed ${seed}`, `${finding.difference}\n  ${JSON.stringify(finding.steps)}`);
  }
  const played = seed - first;
  process.stdout.write(
    `${played} conversations and ${played * CODEC_ROUNDS} rounds of the codec, from seed ${first} on: ${findings} findings\n`,
  );
  return findings;
}

/** @returns how many findings there were */
async function frames({ server }: Site): Promise<number> {
  const { sent, sessions, before, after } = await sendFrames(
    server,
    number("frames"),
    number("seed"),
    collector(),
  );
  process.stdout.write(
    `${sent} frames in ${sessions} sessions: ${before} bytes kept after a quarter, ${after} at the end\n`,
  );
  return after - before > GROWTH ? 1 : 0;
}

const site = await startSite();
try {
  process.exitCode = (await (values.frames === undefined ? fuzz(site) : frames(site))) === 0 ? 0 : 1;
} finally {
  await site.close();
}
