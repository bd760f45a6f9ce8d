import { GatehouseError } from "@gatehouse/core";
import { ByteWriter, ChunkQueue } from "@gatehouse/wire";

/*
 * Every message after the start-up packet (PostgreSQL documentation, "Message Formats"):
 *
 *   Byte1   type
 *   Int32   length, of itself and the body
 *   Byte n  body
 */
const HEADER = 5;

/** One whole message. `bytes` is all of it, as it goes on; `body` is the part behind the header. */
export interface Frame {
  readonly type: number;
  readonly body: Buffer;
  readonly bytes: Buffer;
}

/** The number that a message type's letter stands for on the wire. */
export function typeCode(letter: string): number {
  return letter.charCodeAt(0);
}

/** Asks for what the server has kept to itself. */
export function encodeFlush(): Buffer {
  return frame("H");
}

/** Ends a segment of the extended protocol. */
export function encodeSync(): Buffer {
  return frame("S");
}

/** A Sync with a byte too many: the server ends the segment, and says that it can't read it. */
export function encodeMalformedSync(): Buffer {
  return frame("S", Buffer.alloc(1));
}

/** Cuts a stream of bytes into whole messages, none larger than `limit` bytes. */
export class FrameReader {
  readonly #queue = new ChunkQueue();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(chunk: Buffer): void {
    this.#queue.push(chunk);
  }

  /**
   * The next message, or undefined while it is not all there.
   * @throws GatehouseError PROTOCOL_VIOLATION as soon as a length is known to be impossible or over the limit:
   * nothing is stored for a message that will be refused.
   */
  next(): Frame | undefined {
    const header = this.#queue.peek(HEADER);
    if (header === undefined) return undefined;
    const length = header.readInt32BE(1);
    if (length < 4) throw new GatehouseError("PROTOCOL_VIOLATION", "invalid message length");
    if (length >= this.#limit) {
      throw new GatehouseError(
        "PROTOCOL_VIOLATION",
        `a message of ${length} bytes is larger than the gateway's limit of ${this.#limit}`,
      );
    }
    const bytes = this.#queue.take(1 + length);
    return bytes && { type: bytes.readUInt8(0), body: bytes.subarray(HEADER), bytes };
  }

  /** What has come of messages that are not whole yet. */
  rest(): Buffer {
    return this.#queue.takeAll();
  }
}

/** Puts the header in front of a body. */
export function frame(letter: string, body: Uint8Array = Buffer.alloc(0)): Buffer {
  return new ByteWriter(HEADER + body.length)
    .uint8(typeCode(letter))
    .int32(4 + body.length)
    .bytes(body)
    .toBuffer();
}
