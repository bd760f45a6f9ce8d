import { get } from "node:https";
import { quantile } from "../../statistics.ts";
import { now } from "./clock.ts";
import { readEnvironment } from "./environment.ts";

/*
 * Clients that read a stream of tokens each, all at once. A process of its own, so that what the clients take is nobody else's. Prints
 * what `Tokens` has, as JSON.
 *
 *   node tokens-main.ts CLIENTS
 */

const clients = Number(process.argv[2]);
const { url, options } = readEnvironment();
const SENT = /"sent":(\d+),/g;

/** Milliseconds from a token's being sent by the target to its being here. */
const delays: number[] = [];
let first = Infinity;
let last = 0;

function read(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const request = get(url, { ...options, agent: false }, (response) => {
    if (response.statusCode !== 200) reject(new Error(`The answer is ${response.statusCode}.`));
    let rest = "";
    response.setEncoding("latin1").on("data", (text: string) => {
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
    response.on("end", resolve).on("error", reject);
  });
  request.on("error", reject);
  return promise;
}

await Promise.all(Array.from({ length: clients }, read));
const seconds = (last - first) / 1e6;
process.stdout.write(
  JSON.stringify({ count: delays.length, seconds, p50: quantile(delays, 0.5), p99: quantile(delays, 0.99) }),
);
