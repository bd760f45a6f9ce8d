import type { Clock } from "@gatehouse/core";

/** A clock that moves only when told to. */
export interface FakeClock extends Clock {
  /** @param milliseconds how far to move it on. */
  advance(milliseconds: number): void;
}

/** @param start what it shows first, in milliseconds since the epoch; the true time when left out. */
export function createFakeClock(start: number = Date.now()): FakeClock {
  let now = start;
  return {
    now: () => now,
    advance: (milliseconds) => {
      now += milliseconds;
    },
  };
}
