import type { Clock } from "@gatehouse/core";

/** Milliseconds after which what is due is looked at again, whatever the clock does. */
const LONGEST_SLEEP = 20_000;

/** Begins what is due, whenever something has happened, and when it is time. It keeps no process alive. */
export class Rounds {
  readonly #clock: Clock;
  readonly #begin: () => number;
  #timer: NodeJS.Timeout | undefined;
  #woken = false;
  #ended = false;

  /** @param begin begins what is due; gives when there is more, in milliseconds since the epoch, and Infinity where that is no question of time */
  constructor(clock: Clock, begin: () => number) {
    this.#clock = clock;
    this.#begin = begin;
  }

  /** Begins what is due, once all that happens now has happened. */
  wake(): void {
    if (this.#woken) return;
    this.#woken = true;
    queueMicrotask(() => {
      this.#woken = false;
      this.run();
    });
  }

  /** Begins what is due, at once. */
  run(): void {
    if (this.#ended) return;
    const next = this.#begin();
    clearTimeout(this.#timer);
    const sleep = Math.max(1, Math.min(LONGEST_SLEEP, next - this.#clock.now()));
    this.#timer = setTimeout(() => this.run(), sleep).unref();
  }

  /** Begins nothing any more. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }
}
