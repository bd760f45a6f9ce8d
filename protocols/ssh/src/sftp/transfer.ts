import { createHash } from "node:crypto";

/** Why there is no SHA-256 of what was moved. */
export type Unhashed =
  /** It did not begin at the file's first byte: a transfer that was resumed, or appended. */
  | "partial"
  /** It came in another order than that of the file, or with holes. */
  | "out-of-order"
  /** Some bytes were moved twice. */
  | "overlapping"
  /** The target took some of it not. */
  | "failed"
  /** The target copied into the file by itself. */
  | "copied";

/** What was moved through a handle, in one direction. */
export interface Moved {
  readonly bytes: number;
  /** In hex, over the bytes from the file's first on, in order. */
  readonly sha256: string | null;
  readonly unhashed?: Unhashed;
}

/** Bytes that are ahead of their order and wait for those before them, in all files of a channel, and pieces of them. */
export class Ahead {
  bytes = 4 * 1024 * 1024;
  pieces = 1024;
}

interface Piece {
  readonly data: readonly Buffer[];
  readonly length: number;
}

/**
 * Adds up what moves through a handle. Bytes that come ahead of their order are kept where they lie, as many as `Ahead` has room for; when
 * there is none there is no SHA-256.
 */
export class Transfer {
  readonly #ahead: Ahead;
  readonly #waiting = new Map<number, Piece>();
  #hash = createHash("sha256");
  #next = 0;
  #bytes = 0;
  #unhashed: Unhashed | undefined;
  #ended = false;

  constructor(ahead: Ahead) {
    this.#ahead = ahead;
  }

  /** Bytes from the first on without a hole. */
  get contiguous(): number {
    return this.#unhashed ? 0 : this.#next;
  }

  /** Gives up the SHA-256; the first reason stays. */
  spoil(why: Unhashed): void {
    this.#unhashed ??= why;
    for (const [offset, piece] of this.#waiting) this.#release(offset, piece);
  }

  /** Of what comes behind the end, as when a target answers a CLOSE before the READs in front of it, nothing is added. */
  add(offset: number, data: readonly Buffer[], length: number): void {
    if (this.#ended) return;
    this.#bytes += length;
    if (this.#unhashed || length === 0) return;
    if (offset < this.#next) this.spoil("overlapping");
    else if (offset > this.#next) this.#keep(offset, { data, length });
    else this.#take({ data, length });
  }

  end(): Moved {
    this.#ended = true;
    if (this.#waiting.size > 0) this.spoil(this.#next === 0 ? "partial" : "out-of-order");
    const unhashed = this.#unhashed;
    if (unhashed) return { bytes: this.#bytes, sha256: null, unhashed };
    return { bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  #take(piece: Piece): void {
    this.#update(piece);
    while (this.#waiting.size > 0) {
      const following = this.#waiting.get(this.#next);
      if (!following) break;
      this.#release(this.#next, following);
      this.#update(following);
    }
  }

  #update({ data, length }: Piece): void {
    for (const bytes of data) this.#hash.update(bytes);
    this.#next += length;
  }

  #keep(offset: number, piece: Piece): void {
    const ahead = this.#ahead;
    if (this.#waiting.has(offset)) this.spoil("overlapping");
    else if (piece.length > ahead.bytes || ahead.pieces === 0)
      this.spoil(this.#next === 0 ? "partial" : "out-of-order");
    else {
      this.#waiting.set(offset, piece);
      ahead.bytes -= piece.length;
      ahead.pieces--;
    }
  }

  #release(offset: number, piece: Piece): void {
    this.#waiting.delete(offset);
    this.#ahead.bytes += piece.length;
    this.#ahead.pieces++;
  }
}
