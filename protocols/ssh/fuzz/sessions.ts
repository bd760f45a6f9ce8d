import { messageOf } from "@gatehouse/core";
import { Random, shrink } from "@gatehouse/testkit";
import { conversation } from "./conversations.ts";
import { play } from "./play.ts";
import { type Site, startSite } from "./site.ts";
import type { Step } from "./steps.ts";

/** Conversations at once: most of their time they wait, for what a failed proof costs. */
const AT_ONCE = 24;

/** What was found, and the steps that show it. */
export interface Finding {
  readonly seed: number;
  readonly what: string;
  readonly steps: readonly Step[];
}

/**
 * Plays the conversations of so many seeds, some at once, and has somebody honest log in behind them.
 */
export async function playSeeds(site: Site, first: number, count: number): Promise<Finding | undefined> {
  let seed = first;
  const found: Finding[] = [];
  const player = async () => {
    while (seed < first + count && found.length === 0) {
      const own = seed++;
      const steps = conversation(new Random(own));
      const what = await play(site, steps);
      if (what !== undefined) found.push({ seed: own, what, steps });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, player));
  const [finding] = found;
  if (finding) return { ...finding, steps: await shrunk(finding.steps) };
  const what = await faultOf(site);
  return what === undefined ? undefined : culprit(first, count, what);
}

/** What is seen at the site alone is seen again with each by itself; or it needs several. */
async function culprit(first: number, count: number, what: string): Promise<Finding> {
  for (let seed = first; seed < first + count; seed++) {
    const steps = conversation(new Random(seed));
    const alone = await trySteps(steps);
    if (alone !== undefined) return { seed, what: alone, steps: await shrunk(steps) };
  }
  return { seed: first, what: `${what}, by ${count} conversations together`, steps: [] };
}

/** What comes of the steps at a site of their own. */
export async function trySteps(steps: readonly Step[]): Promise<string | undefined> {
  const site = await startSite();
  try {
    const what = await play(site, steps);
    if (what !== undefined) return what;
    return await faultOf(site);
  } finally {
    await site.close();
  }
}

/** What is wrong at the site, if anything: also that nobody gets in any more. */
function faultOf(site: Site): Promise<string | undefined> {
  return site.honest().then(
    () => site.fault(),
    (error: unknown) => `somebody honest does not get in: ${messageOf(error)}`,
  );
}

function shrunk(steps: readonly Step[]): Promise<readonly Step[]> {
  // Fewer steps may be some that nobody can take, such as the end of a key exchange without its beginning.
  const isFound = (fewer: readonly Step[]) => trySteps(fewer).catch(() => undefined);
  return shrink(steps, async (fewer) => (await isFound(fewer)) !== undefined);
}
