import { GatehouseError } from "@gatehouse/core";

/** Bytes of a packet, at most: what OpenSSH takes, and more than any other sends. */
export const MAX_PACKET = 256 * 1024;

/** Pieces that are shorter are put together: a peer that sends single bytes must not cost an object for each. */
const SHORT = 1024;
const GATHER = 16 * 1024;

/** A packet where it lies. */
export interface Packet {
  readonly type: number;
  /** From the type on, in order; never empty. */
  readonly parts: readonly [Buffer, ...Buffer[]];
  /** Bytes on the wire, with the length in front. */
  readonly size: number;
}

/**
 * Cuts packets out of a stream that comes in whatever pieces (draft-ietf-secsh-filexfer-02 section 3). Nothing is copied but short
 * pieces; what waits is bounded by the window of the channel that it comes from.
 */
export class PacketStream {
  readonly #limit: number;
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** Where short pieces go, and how much of it is used. */
  #gather = NOTHING;
  #gathered = 0;

  /** @param limit bytes of a packet, at most */
  constructor(limit = MAX_PACKET) {
    this.#limit = limit;
  }

  /** Bytes that no packet was cut from yet. */
  get pending(): number {
    return this.#bytes;
  }

  push(piece: Buffer): void {
    this.#bytes += piece.length;
    if (piece.length >= SHORT) this.#pieces.push(piece);
    else if (piece.length > 0) this.#keep(piece);
  }

  /**
   * The next packet, if all of it is here.
   * @throws GatehouseError PROTOCOL_VIOLATION for one that is empty, or longer than the limit
   */
  next(): Packet | undefined {
    if (this.#bytes < 4) return undefined;
    const length = this.#length();
    if (length === 0 || length > this.#limit) {
      throw new GatehouseError("PROTOCOL_VIOLATION", `invalid length of packet: ${String(length)}`);
    }
    if (this.#bytes < 4 + length) return undefined;
    this.#take(4);
    const [first, ...more] = this.#take(length);
    const type = first?.[0];
    if (first === undefined || type === undefined) {
      throw new TypeError("A packet was cut where there is none.");
    }
    return { type, parts: [first, ...more], size: 4 + length };
  }

  #keep(piece: Buffer): void {
    if (this.#gathered + piece.length > this.#gather.length) {
      // In memory of its own: what lies right in front of it must not be taken for a part of it.
      this.#gather = Buffer.allocUnsafeSlow(GATHER);
      this.#gathered = 0;
    }
    const start = this.#gathered;
    piece.copy(this.#gather, start);
    this.#gathered += piece.length;
    const last = this.#pieces.at(-1);
    // Right behind the last piece, in the same memory: one piece is enough.
    if (
      last &&
      last.buffer === this.#gather.buffer &&
      last.byteOffset + last.length === this.#gather.byteOffset + start
    ) {
      const from = last.byteOffset - this.#gather.byteOffset;
      this.#pieces[this.#pieces.length - 1] = this.#gather.subarray(from, this.#gathered);
    } else {
      this.#pieces.push(this.#gather.subarray(start, this.#gathered));
    }
  }

  #length(): number {
    const [first] = this.#pieces;
    if (first && first.length >= 4) return first.readUInt32BE(0);
    return Buffer.concat(this.#pieces.slice(0, 4), 4).readUInt32BE(0);
  }

  #take(length: number): Buffer[] {
    const taken: Buffer[] = [];
    let missing = length;
    let whole = 0;
    for (const piece of this.#pieces) {
      if (missing === 0) break;
      if (piece.length > missing) {
        taken.push(piece.subarray(0, missing));
        this.#pieces[whole] = piece.subarray(missing);
        missing = 0;
        break;
      }
      taken.push(piece);
      missing -= piece.length;
      whole++;
    }
    this.#pieces.splice(0, whole);
    this.#bytes -= length;
    return taken;
  }
}

const NOTHING = Buffer.alloc(0);

/** The packet's bytes in one piece. */
export function bodyOf({ parts }: Packet): Buffer {
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

/** The same parts, with so many bytes, or all there are, in the first. */
export function withHead([first, ...more]: Packet["parts"], bytes: number): Packet["parts"] {
  let count = 0;
  let length = first.length;
  for (const part of more) {
    if (length >= bytes) break;
    length += part.length;
    count++;
  }
  if (count === 0) return [first, ...more];
  return [Buffer.concat([first, ...more.slice(0, count)]), ...more.slice(count)];
}
