import { parseArgs } from "node:util";

export const HELP = `A gateway under mixed load, with kills of clients, gateway and server; ends with what was left behind.

  npm run soak -- --minutes 10              from a seed that is printed
  npm run soak -- --minutes 10 --seed 7     the same choices again
  npm run soak -- --gigabytes 10            in place of the load a result, COPY out and COPY in of so much each
  npm run soak -- --hold 10m                in place of the load real clients whose command waits so long for a person
  npm run soak -- --mint 10000              in place of the load so many sessions, each with a database user of its own
`;

export interface LoadOptions {
  /** Milliseconds. */
  readonly length: number;
  readonly seed: number;
}

export interface StreamOptions {
  /** Each way. */
  readonly bytes: number;
}

export interface HoldOptions {
  /** Milliseconds. */
  readonly hold: number;
}

export interface MintOptions {
  /** How many. */
  readonly sessions: number;
}

/** @returns undefined where help is asked for. @throws TypeError */
export function readOptions(
  args: readonly string[],
): LoadOptions | StreamOptions | HoldOptions | MintOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: "1" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      gigabytes: { type: "string" },
      hold: { type: "string" },
      mint: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const minutes = Number(values.minutes);
  const seed = Number(values.seed);
  const gigabytes = Number(values.gigabytes ?? 1);
  if (!(minutes > 0) || !(gigabytes > 0) || !Number.isSafeInteger(seed)) {
    throw new TypeError("--minutes and --gigabytes take a number above zero, --seed a whole one");
  }
  if (values.mint !== undefined) return { sessions: countOf(values.mint) };
  if (values.hold !== undefined) return { hold: timeOf(values.hold) };
  return values.gigabytes === undefined ? { length: minutes * 60_000, seed } : { bytes: gigabytes * 1e9 };
}

/** `10s` or `10m`, in milliseconds. */
function timeOf(text: string): number {
  const [, count, unit] = /^(\d+)([sm])$/.exec(text) ?? [];
  const time = Number(count) * (unit === "m" ? 60_000 : 1000);
  // A rule of this run gives up after a quarter of an hour.
  if (!(time > 0 && time <= 14 * 60_000)) throw new TypeError("--hold takes a time from 1s to 14m");
  return time;
}

function countOf(text: string): number {
  const count = Number(text);
  if (!(Number.isSafeInteger(count) && count > 0)) throw new TypeError("--mint takes a number of sessions");
  return count;
}
