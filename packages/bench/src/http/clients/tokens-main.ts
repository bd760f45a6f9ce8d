import { quantile } from "../../statistics.ts";
import { ask } from "./ask.ts";
import { now } from "./clock.ts";

/*
 * Clients that read a stream of tokens each, all at once. A process of its own, so that what the clients take is nobody else's. Prints
 * what `tokensRead` has, as JSON.
 *
 *   node tokens-main.ts CLIENTS TOKENS    TOKENS of each stream
 */

const [clients = 0, tokens = 0] = process.argv.slice(2).map(Number);
const SENT = /"sent":(\d+),/g;

/** Milliseconds from a token's being sent by the target to its being here. */
const delays: number[] = [];
let first = Infinity;
let last = 0;

async function read(): Promise<void> {
  let rest = "";
  await ask(tokens, false, (text) => {
    const time = now();
    const whole = rest + text;
    const end = whole.lastIndexOf("\n\n");
    rest = whole.slice(end + 1);
    if (end === -1) return;
    for (const [, sent] of whole.slice(0, end).matchAll(SENT)) {
      first = Math.min(first, Number(sent));
      last = Math.max(last, time);
      delays.push((time - Number(sent)) / 1000);
    }
  });
}

await Promise.all(Array.from({ length: clients }, read));
const seconds = (last - first) / 1e6;
process.stdout.write(
  JSON.stringify({ count: delays.length, seconds, p50: quantile(delays, 0.5), p99: quantile(delays, 0.99) }),
);
