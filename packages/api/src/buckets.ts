import { type Clock, networkOf } from "@gatehouse/core";

/** Of how many clients it is known how much they have taken. */
const KEPT = 10_000;

export interface BucketOptions {
  /** How much one client may take at once. */
  readonly burst: number;
  /** Milliseconds after which it may take one more. */
  readonly every: number;
  readonly clock: Clock;
}

/**
 * A bucket of tokens for each client, by its address. Of each only the moment is kept at which its bucket is full again
 * (the generic cell rate algorithm). With more clients than are kept, the one that has taken nothing for the longest
 * time starts anew.
 */
export class Buckets {
  readonly #burst: number;
  readonly #every: number;
  readonly #clock: Clock;
  readonly #fullAt = new Map<string, number>();

  constructor({ burst, every, clock }: BucketOptions) {
    this.#burst = burst;
    this.#every = every;
    this.#clock = clock;
  }

  /** @returns milliseconds until the client may take one; 0 where it may now */
  wait(address: string): number {
    const now = this.#clock.now();
    const fullAt = Math.max(now, this.#fullAt.get(networkOf(address)) ?? 0);
    return Math.max(0, fullAt + this.#every - now - this.#burst * this.#every);
  }

  /** Takes one, where there is one. */
  take(address: string): void {
    if (this.wait(address) > 0) return;
    const key = networkOf(address);
    const fullAt = Math.max(this.#clock.now(), this.#fullAt.get(key) ?? 0) + this.#every;
    this.#fullAt.delete(key);
    this.#fullAt.set(key, fullAt);
    const [oldest] = this.#fullAt.keys();
    if (this.#fullAt.size > KEPT && oldest !== undefined) this.#fullAt.delete(oldest);
  }
}
