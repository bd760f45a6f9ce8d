/** How many each may have of something at once, so that nobody has all of it. */
export class Shares {
  readonly #most: number;
  readonly #taken = new Map<string, number>();

  /** @param most for each */
  constructor(most: number) {
    this.#most = most;
  }

  /** @returns gives it back, when called for the first time; undefined where this one has as many as they may */
  take(who: string): (() => void) | undefined {
    const taken = this.#taken.get(who) ?? 0;
    if (taken >= this.#most) return undefined;
    this.#taken.set(who, taken + 1);
    let isGiven = false;
    return () => {
      if (isGiven) return;
      isGiven = true;
      const left = (this.#taken.get(who) ?? 1) - 1;
      if (left > 0) this.#taken.set(who, left);
      else this.#taken.delete(who);
    };
  }
}
