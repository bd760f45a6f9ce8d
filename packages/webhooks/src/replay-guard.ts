import type { Clock } from "@gatehouse/core";

/** Callbacks of one window of time: many more than people can answer. */
export const MAX_REMEMBERED = 10_000;

/** Remembers signatures for as long as they would be taken. */
export class ReplayGuard {
  readonly #clock: Clock;
  /** Digest -> when it would be stale. */
  readonly #seen = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Marks a signature as taken.
   * @param until milliseconds since the epoch: when nobody would take it any more
   * @returns `full`: it can't be remembered, and so it must not be taken. Forgetting another one instead would let
   * whoever floods the gateway have that one taken twice
   */
  take(signature: Buffer, until: number): "new" | "seen" | "full" {
    const digest = signature.toString("base64");
    if (this.#seen.has(digest)) return "seen";
    if (this.#seen.size >= MAX_REMEMBERED) this.#forget();
    if (this.#seen.size >= MAX_REMEMBERED) return "full";
    this.#seen.set(digest, until);
    return "new";
  }

  #forget(): void {
    const now = this.#clock.now();
    for (const [digest, until] of this.#seen) if (until < now) this.#seen.delete(digest);
  }
}
