import { findHead, type Head } from "./head.ts";

const NOTHING = Buffer.alloc(0);
const SMALLEST = 256;

/**
 * Reads a message's head in whatever pieces it comes. Bytes are copied once and looked at once, and no more of them are kept than the limit
 * and what doubling adds: a head that comes byte by byte, or never ends, costs no more than one that comes whole.
 */
export class HeadReader {
  readonly #limit: number;
  /** The beginning of a head, and room for more. */
  #kept: Buffer = NOTHING;
  #length = 0;

  /** @param limit bytes of a head, with the empty line, at most */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many bytes of a head have come, as long as its end has not. */
  get length(): number {
    return this.#length;
  }

  /**
   * @returns the head and what is behind it; undefined where its end has not come yet
   * @throws Malformed
   */
  push(bytes: Buffer): { readonly head: Head; readonly rest: Buffer } | undefined {
    const before = this.#length;
    const all = before === 0 ? bytes : this.#keep(bytes);
    const head = findHead(all, before, this.#limit);
    if (head === undefined) {
      if (before === 0) this.#keep(bytes);
      return undefined;
    }
    this.#kept = NOTHING;
    this.#length = 0;
    return { head, rest: bytes.subarray(head.size - before) };
  }

  /** @returns all that has come of the head, or one byte more than the limit allows */
  #keep(bytes: Buffer): Buffer {
    const taken = bytes.subarray(0, this.#limit + 1 - this.#length);
    const length = this.#length + taken.length;
    if (length > this.#kept.length) {
      const roomy = Buffer.allocUnsafe(Math.max(SMALLEST, 2 * length));
      this.#kept.copy(roomy, 0, 0, this.#length);
      this.#kept = roomy;
    }
    taken.copy(this.#kept, this.#length);
    this.#length = length;
    return this.#kept.subarray(0, length);
  }
}
