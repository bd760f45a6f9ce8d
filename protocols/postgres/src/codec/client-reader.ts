import { GatehouseError } from "@gatehouse/core";
import { ChunkQueue } from "@gatehouse/wire";
import { typeCode } from "./framing.ts";

const HEADER = 5;
const COPY_DATA = typeCode("d");

/** PostgreSQL's own bounds (PQ_LARGE_MESSAGE_LIMIT, PQ_SMALL_MESSAGE_LIMIT), of a length without the type byte. */
const LARGE = 0x3fff_ffff;
const SMALL = 10_000;

/** The bound of each type that a client may send, by its letter. */
const BOUNDS: (number | undefined)[] = [];
/** Query, Parse, Bind, FunctionCall and CopyData carry what a client wants to say; the others carry a name at most. */
for (const letter of ["Q", "P", "B", "F", "d"]) BOUNDS[typeCode(letter)] = LARGE;
for (const letter of ["D", "E", "C", "H", "S", "c", "f", "X"]) BOUNDS[typeCode(letter)] = SMALL;

const NOTHING = Buffer.alloc(0);

/**
 * What a client sends after the start-up: one whole message; or part of a COPY's data, which may be several CopyData
 * messages, or less than one; or the notice that a message was larger than the limit and is passed over.
 */
export interface ClientMessage {
  readonly type: number;
  /** As it goes on, header and all. Empty for one that is too large. */
  readonly bytes: Buffer;
  /** Bytes of the message's body, where it is too large to be read. */
  readonly tooLarge?: number;
}

/**
 * Cuts what a client sends into messages, and stores none but the one that has not all come yet. The data of a COPY
 * are never stored: they pass where they lie, however long a message of them is.
 *
 * Use: `push` a chunk, then `next` until it gives undefined, then the next chunk.
 */
export class ClientReader {
  readonly #limit: number;
  #bytes: Buffer = NOTHING;
  #at = 0;
  /** The beginning of a message, and how many bytes it needs to go on: its header, then all of it. */
  readonly #held = new ChunkQueue();
  #needed = 0;
  /** Bytes of a CopyData that are still to pass, and of a message that is passed over. */
  #passing = 0;
  #dropping = 0;

  /** @param limit bytes of one message that is read whole */
  constructor(limit: number) {
    this.#limit = limit;
  }

  push(chunk: Buffer): void {
    if (this.#held.length === 0) {
      this.#bytes = chunk;
      this.#at = 0;
      return;
    }
    this.#held.push(chunk);
    if (this.#held.length < this.#needed) return;
    this.#bytes = this.#held.takeAll();
    this.#at = 0;
  }

  /**
   * The next message, or undefined when what has come is used up.
   * @throws GatehouseError PROTOCOL_VIOLATION as soon as there is a type or a length that PostgreSQL does not take: it
   * ends the connection there
   */
  next(): ClientMessage | undefined {
    if (this.#dropping > 0) this.#drop();
    if (this.#passing > 0) return this.#copyData(this.#at);
    const bytes = this.#bytes;
    const at = this.#at;
    const left = bytes.length - at;
    if (left === 0) return this.#hold(HEADER);
    const type = bytes[at] ?? 0;
    const bound = BOUNDS[type];
    if (bound === undefined) {
      throw new GatehouseError("PROTOCOL_VIOLATION", `invalid frontend message type ${type}`);
    }
    if (left < HEADER) return this.#hold(HEADER);
    const length = bytes.readInt32BE(at + 1);
    if (length < 4 || length > bound) {
      throw new GatehouseError("PROTOCOL_VIOLATION", "invalid message length");
    }
    if (type === COPY_DATA) return this.#copyData(at);
    const size = 1 + length;
    if (size > this.#limit) {
      this.#dropping = size;
      this.#drop();
      return { type, bytes: NOTHING, tooLarge: length - 4 };
    }
    if (left < size) return this.#hold(size);
    this.#at = at + size;
    return { type, bytes: left === bytes.length && left === size ? bytes : bytes.subarray(at, at + size) };
  }

  /** What has come behind the last message, and how many bytes of it still belong to that one. */
  get unread(): { readonly bytes: Buffer; readonly skip: number } {
    return { bytes: this.#bytes.subarray(this.#at), skip: this.#passing + this.#dropping };
  }

  /** All the CopyData that lie one behind the other from `start` on, the last one as far as it has come. */
  #copyData(start: number): ClientMessage | undefined {
    const bytes = this.#bytes;
    let at = this.#at;
    if (at === bytes.length) return undefined;
    for (;;) {
      const step = Math.min(this.#passing, bytes.length - at);
      this.#passing -= step;
      at += step;
      if (bytes.length - at < HEADER || bytes[at] !== COPY_DATA) break;
      const length = bytes.readInt32BE(at + 1);
      // Said again, and refused, when it is the next one's turn.
      if (length < 4 || length > LARGE) break;
      this.#passing = 1 + length;
    }
    this.#at = at;
    return { type: COPY_DATA, bytes: bytes.subarray(start, at) };
  }

  #drop(): void {
    const step = Math.min(this.#dropping, this.#bytes.length - this.#at);
    this.#dropping -= step;
    this.#at += step;
  }

  /** @returns nothing: there is no message yet */
  #hold(needed: number): ClientMessage | undefined {
    if (this.#at < this.#bytes.length) this.#held.push(this.#bytes.subarray(this.#at));
    this.#bytes = NOTHING;
    this.#at = 0;
    this.#needed = needed;
    return undefined;
  }
}
