/** A yes that is good for more than the command that it was given to. */
interface Yes {
  readonly approval: string;
  /** Milliseconds since the epoch; Infinity for the rest of a session, of which no other has the key. */
  readonly until: number;
}

/**
 * The yeses that are good for later commands, by key. They are kept in memory alone: after a restart everything is
 * asked anew. Where there are too many, the one that was not used for longest goes, and is asked for again.
 */
export class Yeses {
  readonly #kept = new Map<string, Yes>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#kept.size;
  }

  keep(key: string, yes: Yes): void {
    this.#kept.delete(key);
    this.#kept.set(key, yes);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > this.#most && oldest !== undefined) this.#kept.delete(oldest);
  }

  /** The approval whose yes is good for this key now. */
  find(key: string, now: number): string | undefined {
    const yes = this.#kept.get(key);
    if (!yes) return undefined;
    this.#kept.delete(key);
    if (now >= yes.until) return undefined;
    this.#kept.set(key, yes);
    return yes.approval;
  }

  /** Lets go of those whose time is over. */
  sweep(now: number): void {
    for (const [key, { until }] of this.#kept) if (now >= until) this.#kept.delete(key);
  }
}
