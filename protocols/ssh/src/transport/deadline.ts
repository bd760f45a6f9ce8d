/** Something that is to happen after some time, unless it is stopped. It keeps no process alive. */
export class Deadline {
  readonly #within: number;
  readonly #missed: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param within milliseconds */
  constructor(within: number, missed: () => void) {
    this.#within = within;
    this.#missed = missed;
  }

  /** Counts from now on. */
  start(): void {
    this.stop();
    this.#timer = setTimeout(this.#missed, this.#within);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
