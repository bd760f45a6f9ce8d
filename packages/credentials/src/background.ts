import { type Logger, messageOf } from "@gatehouse/core";

/** Work that nobody waits for, until somebody does. */
export class Background {
  readonly #log: Logger;
  readonly #ended: () => void;
  readonly #running = new Set<Promise<void>>();

  /** @param ended is called when some of it has ended */
  constructor(log: Logger, ended: () => void = () => undefined) {
    this.#log = log;
    this.#ended = ended;
  }

  run(work: Promise<unknown>): void {
    const running = work
      .then(
        () => undefined,
        // Who begins work sees to its failures: what comes here is a mistake, and no reason for the gateway to end.
        (error: unknown) => this.#log.error({ error: messageOf(error) }, "work on leases failed"),
      )
      .then(() => {
        this.#running.delete(running);
        this.#ended();
      });
    this.#running.add(running);
  }

  get size(): number {
    return this.#running.size;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
