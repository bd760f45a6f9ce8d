/**
 * Fuzzes the PostgreSQL adapter:
 *
 *   npm run fuzz -- --seconds 60 [--seed N]     codec and sessions, from a seed on
 *
 * Each finding is printed with its seed and as few messages as still show it, in the form that the corpus keeps.
 */
import { parseArgs } from "node:util";
import { fuzzCodec } from "./codec.ts";
import { keptSessions } from "./corpus.ts";
import { compare, trySession } from "./sessions.ts";
import { startSite } from "./site.ts";

/** Rounds of the codec for one conversation: they cost a thousandth. */
const CODEC_ROUNDS = 200;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
  },
});
const seconds = Number(values.seconds);
const first = Number(values.seed);
if (!(seconds > 0) || !Number.isSafeInteger(first)) throw new TypeError("--seconds and --seed take numbers");

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupted.abort());

async function main(): Promise<number> {
  let findings = 0;
  const found = (what: string) => {
    findings++;
    process.stdout.write(`✘ ${what}\n`);
  };
  const site = await startSite();
  const end = Date.now() + seconds * 1000;
  let seed = first;
  try {
    for (const { name, steps } of keptSessions()) {
      const kept = await compare(site, steps, seed);
      if (kept !== undefined) found(`${name}: ${kept}`);
    }
    for (; Date.now() < end && !interrupted.signal.aborted; seed++) {
      for (let round = 0; round < CODEC_ROUNDS; round++) fuzzCodec(seed * CODEC_ROUNDS + round);
      const finding = await trySession(site, seed);
      if (finding) {
        found(`seed ${seed}: ${finding.difference}\n  ${JSON.stringify(finding.steps)}`);
      }
    }
  } finally {
    await site.close();
  }
  process.stdout.write(
    `${seed - first} conversations, ${(seed - first) * CODEC_ROUNDS} rounds of the codec from seed ${first} on: ${findings} findings\n`,
  );
  return findings === 0 ? 0 : 1;
}

process.exitCode = await main();
