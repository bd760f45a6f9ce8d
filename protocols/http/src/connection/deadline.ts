import type { Socket } from "node:net";

/** Ends a connection whose peer takes longer than it may. One limit at a time. */
export class Deadline {
  readonly #socket: Socket;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.once("close", () => this.lift());
  }

  /** @param milliseconds from now on, in place of what was said before */
  within(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#socket.destroy(), milliseconds);
  }

  lift(): void {
    clearTimeout(this.#timer);
  }
}
