import { setTimeout as pause } from "node:timers/promises";
import { messageOf } from "@gatehouse/core";
import { type Chance, type Deed, deeds, Wrong } from "./deeds.ts";
import type { Site } from "./site.ts";

/** Clients at one time. */
const CLIENTS = 16;
/** Milliseconds after which a deed is held to hang. */
const PATIENCE = 45_000;

export interface Load {
  /** Deeds that were done to their end, and those that something was killed under, by name. */
  readonly done: ReadonlyMap<string, number>;
  readonly broken: number;
  /** What should never be: a wrong answer, or none. */
  readonly wrong: readonly string[];
  /** Lets what is under way come to its end, and begins no more. */
  stop(): Promise<void>;
}

/** Many clients, each with one deed after the other. */
export function startLoad(site: Site, chances: () => Chance): Load {
  const names = Object.keys(deeds);
  const done = new Map<string, number>();
  const wrong: string[] = [];
  let broken = 0;
  let stopped = false;
  const client = async (chance: Chance) => {
    while (!stopped) {
      const name = names[Math.floor(chance() * names.length)] ?? "queries";
      try {
        await within(deeds[name], site, chance);
        done.set(name, (done.get(name) ?? 0) + 1);
      } catch (error) {
        if (error instanceof Wrong) wrong.push(`${name}: ${messageOf(error)}`);
        broken++;
        // Whoever finds the gateway down does not knock a thousand times a second.
        await pause(50);
      }
    }
  };
  const clients = Array.from({ length: CLIENTS }, () => client(chances()));
  return {
    done,
    get broken() {
      return broken;
    },
    wrong,
    async stop() {
      stopped = true;
      await Promise.all(clients);
    },
  };
}

async function within(deed: Deed | undefined, site: Site, chance: Chance): Promise<void> {
  const over = new AbortController();
  const late = pause(PATIENCE, undefined, { signal: over.signal }).then(
    () => {
      throw new Wrong(`it hangs for ${PATIENCE} ms`);
    },
    () => undefined,
  );
  const doing = deed?.(site, chance);
  try {
    await Promise.race([doing, late]);
  } finally {
    over.abort();
    doing?.catch(() => undefined);
  }
}
