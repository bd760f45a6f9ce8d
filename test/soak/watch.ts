import { setTimeout as pause } from "node:timers/promises";
import { figuresOf } from "./process-figures.ts";
import type { Site } from "./site.ts";

/** Bytes by which memory may differ between the first and the last quarter of a life. */
const SLACK = 24 * 1024 * 1024;
const FACTOR = 1.25;
/** Milliseconds between two looks. */
const INTERVAL = 1000;

export interface Sample {
  readonly resident: number;
  readonly connections: number;
  readonly descriptors: number;
  /** Of the full collections since the last look. */
  readonly heaps: readonly number[];
}

/** Looks at the gateway's process until it is told to stop. */
export async function watch(site: Site, signal: AbortSignal, seen: (sample: Sample) => void): Promise<void> {
  while (!signal.aborted) {
    const { resident, connections, descriptors } = await figuresOf(site.gateway.pid);
    seen({ resident, connections: connections.length, descriptors, heaps: site.gateway.takeHeaps() });
    await pause(INTERVAL, undefined, { signal }).catch(() => undefined);
  }
}

export interface Flatness {
  readonly first: number;
  readonly last: number;
  readonly flat: boolean;
}

/** Medians of the first and the last quarter; undefined where there are too few figures to say. */
export function flatness(figures: readonly number[]): Flatness | undefined {
  const quarter = Math.floor(figures.length / 4);
  if (quarter === 0) return undefined;
  const first = median(figures.slice(0, quarter));
  const last = median(figures.slice(-quarter));
  return { first, last, flat: last <= first * FACTOR + SLACK };
}

function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
