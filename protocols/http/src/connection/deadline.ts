import type { Socket } from "node:net";

/** Ends a connection whose peer takes longer than it may. One limit at a time. */
export class Deadline {
  readonly #socket: Socket;
  /** One for each limit, which is wound up again: every message has several, and nearly all of them are lifted. */
  readonly #timers = new Map<number, NodeJS.Timeout>();
  /** The limit that holds. */
  #limit: number | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.once("close", () => {
      for (const timer of this.#timers.values()) clearTimeout(timer);
    });
  }

  /** @param milliseconds from now on, in place of what was said before; of few different lengths */
  within(milliseconds: number): void {
    if (this.#socket.destroyed) return;
    this.#limit = milliseconds;
    const timer = this.#timers.get(milliseconds);
    if (timer) {
      timer.refresh();
      return;
    }
    const over = () => this.#over(milliseconds);
    this.#timers.set(milliseconds, setTimeout(over, milliseconds));
  }

  lift(): void {
    this.#limit = undefined;
  }

  #over(milliseconds: number): void {
    if (this.#limit === milliseconds) this.#socket.destroy();
  }
}
