import { Random, shrink } from "@gatehouse/testkit";
import { conversation } from "./conversations.ts";
import { difference } from "./heard.ts";
import { type Site, straight, through } from "./site.ts";
import type { Step } from "./steps.ts";

/** A conversation in which the gateway was not what the server is. */
export interface Finding {
  readonly seed: number;
  /** As few as still show it. */
  readonly steps: readonly Step[];
  readonly difference: string;
}

/** The same messages to the server and through the gateway: undefined, or where the answers part. */
export async function compare(
  { server, front }: Site,
  steps: readonly Step[],
  seed: number,
): Promise<string | undefined> {
  const expected = await straight(server, steps);
  return difference(expected, await through(front, steps, new Random(seed)));
}

/** The conversation of one seed, played to both. */
export async function trySession(site: Site, seed: number): Promise<Finding | undefined> {
  const random = new Random(seed);
  const mix = { length: 8, stray: 0.15, broken: random.chance(0.2) ? 0.1 : 0 };
  const whole = conversation(random, mix);
  const found = await compare(site, whole, seed);
  if (found === undefined) return undefined;
  const steps = await shrink(whole, async (fewer) => (await compare(site, fewer, seed)) !== undefined);
  return { seed, steps, difference: (await compare(site, steps, seed)) ?? `${found}\n  (not each time)` };
}
