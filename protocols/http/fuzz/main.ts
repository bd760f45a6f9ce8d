/**
 * Fuzzes the codec of HTTP/1.1 against Node's own parser, llhttp, strict as it is:
 *
 *   npm run fuzz -- http --seconds 60 [--seed N]
 *
 * Requests, pipelined, and responses, more or less as they should be, in random pieces: what ours takes must be the same messages to
 * llhttp. A finding is printed with its seed and with as few pieces as still show it. Exits with 1 where there are findings.
 */
import { parseArgs } from "node:util";
import { Rounds } from "./rounds.ts";

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
const rounds = new Rounds();
let findings = 0;
let seed = first;
for (; Date.now() < end && !interrupted.signal.aborted; seed++) {
  const finding = await rounds.play(seed);
  if (finding === undefined) continue;
  findings++;
  process.stdout.write(`✘ seed ${seed}: ${finding.difference}\n  ${JSON.stringify(finding.pieces)}\n`);
}
process.stdout.write(
  `${seed - first} conversations from seed ${first} on, ${rounds.same} messages the same to both: ${findings} findings\n`,
);
process.exitCode = findings === 0 ? 0 : 1;
