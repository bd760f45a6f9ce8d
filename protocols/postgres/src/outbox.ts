import type { Socket } from "node:net";

/** Bytes that are copied into one piece rather than written one by one. */
const JOINED = 16 * 1024;
/** Bytes that may wait here before the client is not read on from. */
const MAX_WAITING = 1024 * 1024;

interface Place {
  bytes: readonly Buffer[] | undefined;
  /** Called when all that stood before has gone out. */
  readonly gone?: () => void;
}

/**
 * What goes to the target, in the client's order. A place can be kept for what has to wait for the audit log; all that
 * is put in behind it waits too. What becomes ready at one time goes out in one write.
 */
export class Outbox {
  readonly #socket: Socket;
  /** The first one, if any, is not filled. */
  #places: Place[] = [];
  #waiting = 0;
  #ready: Buffer[] = [];
  #scheduled = false;
  #listeners: (() => void)[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Nothing waits, neither here nor for the socket. */
  get empty(): boolean {
    return this.#places.length === 0 && this.#ready.length === 0;
  }

  put(bytes: Buffer): void {
    if (this.#places.length > 0) {
      this.#waiting += bytes.length;
      this.#places.push({ bytes: [bytes] });
    } else {
      this.#ready.push(bytes);
      this.#schedule();
    }
  }

  /**
   * Keeps a place. Filling it, once, lets go what stands behind it.
   * @param size bytes that are expected to stand there
   */
  keepPlace(size: number): (bytes: readonly Buffer[]) => void {
    const place: Place = { bytes: undefined };
    this.#places.push(place);
    this.#waiting += size;
    return (bytes) => {
      place.bytes = bytes;
      this.#waiting -= size;
      if (this.#places[0] === place) this.#advance();
      else for (const piece of bytes) this.#waiting += piece.length;
    };
  }

  /** undefined while there is room for more; otherwise resolves when there is, or when the target is gone. */
  room(): Promise<void> | undefined {
    if (this.#waiting > MAX_WAITING) return new Promise((resolve) => this.#listeners.push(resolve));
    const socket = this.#socket;
    if (!socket.writableNeedDrain || socket.destroyed) return undefined;
    return new Promise((resolve) => {
      const done = () => {
        socket.off("drain", done);
        socket.off("close", done);
        resolve();
      };
      socket.on("drain", done);
      socket.on("close", done);
    });
  }

  /** undefined when nothing waits here; otherwise resolves when all that waits now has gone out. */
  gone(): Promise<void> | undefined {
    if (this.empty) return undefined;
    return new Promise((resolve) => {
      this.#places.push({ bytes: [], gone: resolve });
      if (this.#places.length === 1) this.#advance();
    });
  }

  #advance(): void {
    let filled = 0;
    for (; filled < this.#places.length; filled++) {
      const { bytes, gone } = this.#places[filled] ?? {};
      if (bytes === undefined) break;
      if (gone) this.#listeners.push(gone);
      for (const piece of bytes) {
        this.#ready.push(piece);
        if (filled > 0) this.#waiting -= piece.length;
      }
    }
    this.#places.splice(0, filled);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Behind all that is ready in this turn: places that one audit write fills go out together.
    queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    const pieces = joined(this.#ready);
    this.#ready = [];
    const [only] = pieces;
    if (pieces.length === 1 && only !== undefined) this.#socket.write(only);
    else if (pieces.length > 1) {
      this.#socket.cork();
      for (const piece of pieces) this.#socket.write(piece);
      this.#socket.uncork();
    }
    for (const listener of this.#listeners.splice(0)) listener();
  };
}

/** The same bytes in fewer pieces: neighbours in memory are one piece, and small ones are copied together. */
function joined(pieces: readonly Buffer[]): readonly Buffer[] {
  const [first] = pieces;
  if (first === undefined || pieces.length === 1) return pieces;
  const runs: Buffer[] = [];
  let run = first;
  let length = 0;
  let total = 0;
  for (const piece of pieces) {
    total += piece.length;
    if (piece.buffer === run.buffer && piece.byteOffset === run.byteOffset + length) {
      length += piece.length;
    } else {
      runs.push(spanning(run, length));
      run = piece;
      length = piece.length;
    }
  }
  runs.push(spanning(run, length));
  return runs.length > 1 && total <= JOINED ? [Buffer.concat(runs, total)] : runs;
}

/** So many bytes from where the piece begins, whatever lies behind it. */
function spanning(piece: Buffer, length: number): Buffer {
  return piece.length === length ? piece : Buffer.from(piece.buffer, piece.byteOffset, length);
}
