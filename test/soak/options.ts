import { parseArgs } from "node:util";

export const HELP = `A gateway under mixed load, with kills of clients, gateway and server; ends with what was left behind.

  npm run soak -- --minutes 10              from a seed that is printed
  npm run soak -- --minutes 10 --seed 7     the same choices again
`;

export interface Options {
  /** Milliseconds. */
  readonly length: number;
  readonly seed: number;
}

/** @returns undefined where help is asked for. @throws TypeError */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: "1" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const minutes = Number(values.minutes);
  const seed = Number(values.seed);
  if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
    throw new TypeError("--minutes takes a number above zero, --seed a whole one");
  }
  return { length: minutes * 60_000, seed };
}
