import { quantile } from "../../statistics.ts";
import { ask } from "./ask.ts";
import { now } from "./clock.ts";

/*
 * Clients that read a stream of tokens each, all at once. Counts from when the last of them has its first token, so that to connect is not
 * in the figures. A process of its own, so that what the clients take is nobody else's. Prints what `tokensRead` has, as JSON.
 *
 *   node tokens-main.ts CLIENTS TOKENS SECONDS    TOKENS of each stream: more than SECONDS have, since those who come first wait for the last
 */

const [clients = 0, tokens = 0, seconds = 0] = process.argv.slice(2).map(Number);
const SENT = /"sent":(\d+),/g;

/** Milliseconds from a token's being sent by the target to its being here. */
const delays: number[] = [];
let waiting = clients;
let begun = 0;

async function read(): Promise<void> {
  let rest = "";
  let isFirst = true;
  await ask(tokens, false, (text) => {
    const time = now();
    const whole = rest + text;
    const end = whole.lastIndexOf("\n\n");
    rest = whole.slice(end + 1);
    if (end === -1) return;
    if (isFirst && --waiting === 0) begin(time);
    isFirst = false;
    if (waiting > 0) return;
    for (const [, sent] of whole.slice(0, end).matchAll(SENT)) delays.push((time - Number(sent)) / 1000);
  });
}

function begin(time: number): void {
  begun = time;
  setTimeout(finish, seconds * 1000);
}

function finish(): void {
  const took = (now() - begun) / 1e6;
  const figures = { rate: delays.length / took, count: delays.length };
  const text = JSON.stringify({ ...figures, p50: quantile(delays, 0.5), p99: quantile(delays, 0.99) });
  process.stdout.write(text, () => process.exit());
}

await Promise.all(Array.from({ length: clients }, read));
throw new Error("The first streams had ended before the last had begun.");
