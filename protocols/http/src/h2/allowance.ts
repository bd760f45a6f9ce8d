/** What a peer may do so many times in a while before it is taken for an attack: a bucket that fills again as time goes by. */
export class Allowance {
  readonly #most: number;
  readonly #within: number;
  #left: number;
  #at: number;

  /** @param within milliseconds in which all of it comes back */
  constructor(most: number, within: number, now: number) {
    this.#most = most;
    this.#within = within;
    this.#left = most;
    this.#at = now;
  }

  /** @returns false where nothing is left */
  spend(now: number): boolean {
    const back = (Math.max(0, now - this.#at) * this.#most) / this.#within;
    this.#left = Math.min(this.#most, this.#left + back);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
