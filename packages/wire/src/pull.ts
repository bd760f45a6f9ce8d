import type { Duplex } from "node:stream";

/**
 * Reads a socket by asking for the next bytes. What is not asked for stays in the socket's buffer and then
 * in the kernel's, so that a peer who sends faster than it is served is slowed down, not stored.
 */
export class Pull {
  readonly #socket: Duplex;
  #waiting: ((chunk: Buffer | undefined) => void) | undefined;
  #ended: boolean;

  constructor(socket: Duplex) {
    this.#socket = socket;
    // Between two readers it may have closed, and a stream does not say so twice.
    this.#ended = socket.destroyed || socket.readableEnded;
    socket.on("readable", this.#deliver);
    socket.on("end", this.#end);
    socket.on("close", this.#end);
    socket.on("error", this.#end);
  }

  /** The next bytes, or undefined when the peer has ended or the connection is gone. One call at a time. */
  next(): Promise<Buffer | undefined> {
    const chunk = this.#read();
    if (chunk !== undefined || this.#ended) return Promise.resolve(chunk);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Stops reading, so that the socket can be handed on (to TLS, or to another reader). */
  release(): void {
    this.#socket.off("readable", this.#deliver);
    this.#socket.off("end", this.#end);
    this.#socket.off("close", this.#end);
    this.#socket.off("error", this.#end);
  }

  #read(): Buffer | undefined {
    const chunk: unknown = this.#socket.read();
    return Buffer.isBuffer(chunk) ? chunk : undefined;
  }

  readonly #deliver = (): void => {
    if (this.#waiting === undefined) return;
    const chunk = this.#read();
    if (chunk !== undefined) this.#resolve(chunk);
  };

  readonly #end = (): void => {
    this.#ended = true;
    this.#resolve(undefined);
  };

  #resolve(chunk: Buffer | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(chunk);
  }
}
