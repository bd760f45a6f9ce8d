import type { Duplex } from "node:stream";

/** Pieces below this are joined with their neighbours: each one that is written by itself costs more than its copy. */
const SMALL = 4096;

/** Bytes that do not wait for the turn's end: the system, and the peer, can work on them meanwhile. */
const MANY = 256 * 1024;

/** What goes to the socket: all that is sent in one turn of the event loop is one write, in which many packets may be read. */
export class Output {
  readonly #socket: Duplex;
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Bytes that the system has not taken yet. */
  get queued(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  push(pieces: readonly Buffer[]): void {
    if (this.#pieces.length === 0) setImmediate(() => this.flush());
    for (const piece of pieces) {
      this.#pieces.push(piece);
      this.#bytes += piece.length;
    }
    if (this.#bytes >= MANY) this.flush();
  }

  flush(): void {
    const pieces = joined(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    if (!this.#socket.writable) return;
    if (pieces.length > 1) this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    if (pieces.length > 1) this.#socket.uncork();
  }
}

function joined(pieces: readonly Buffer[]): readonly Buffer[] {
  const result: Buffer[] = [];
  let small: Buffer[] = [];
  const settle = () => {
    const [only] = small;
    if (only) result.push(small.length === 1 ? only : Buffer.concat(small));
    small = [];
  };
  for (const piece of pieces) {
    if (piece.length < SMALL) small.push(piece);
    else {
      settle();
      result.push(piece);
    }
  }
  settle();
  return result;
}
