/** Several times what a person reads; a day of it has less than 3 GB. */
const PER_SECOND = 32 * 1024;
/** A screen or two, so that a flood is not cut into shreds. */
const RESUME = 64 * 1024;

/**
 * How much may still be recorded: so many bytes, and what a person could have read since. Whoever floods a recording to do
 * something behind its end would have to go on flooding.
 */
export class Allowance {
  readonly #most: number;
  #left: number;
  #since = 0;
  #exhausted = false;

  constructor(most: number) {
    this.#most = most;
    this.#left = most;
  }

  /**
   * Whether there is room for so many bytes.
   * @param at milliseconds since the beginning
   */
  take(bytes: number, at: number): boolean {
    this.#left = Math.min(this.#most, this.#left + ((at - this.#since) / 1000) * PER_SECOND);
    this.#since = at;
    if (this.#left < (this.#exhausted ? Math.max(bytes, Math.min(RESUME, this.#most)) : bytes)) {
      this.#exhausted = true;
      return false;
    }
    this.#exhausted = false;
    this.#left -= bytes;
    return true;
  }

  /** So many bytes more than was said. */
  took(bytes: number): void {
    this.#left -= bytes;
  }
}
