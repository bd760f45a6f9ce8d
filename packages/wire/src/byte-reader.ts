import { GatehouseError } from "@gatehouse/core";

const NOTHING = Buffer.alloc(0);

/**
 * Reads one message's bytes from the front. Asking for more than there is means that the message does not
 * keep to its grammar.
 */
export class ByteReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** @throws GatehouseError PROTOCOL_VIOLATION, as do all readers below, when the message ends too early. */
  bytes(length: number): Buffer {
    const start = this.#pass(length);
    return this.#bytes.subarray(start, start + length);
  }

  rest(): Buffer {
    return this.bytes(this.remaining);
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#pass(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#pass(2));
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#pass(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#pass(4));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#pass(4));
  }

  /** The bytes up to a zero byte, which is passed over. */
  cstringBytes(): Buffer {
    // Most names are empty: of that, nothing has to be searched or cut out.
    if (this.#bytes[this.#offset] === 0) {
      this.#offset++;
      return NOTHING;
    }
    const end = this.#bytes.indexOf(0, this.#offset);
    if (end === -1) throw new GatehouseError("PROTOCOL_VIOLATION", "invalid string in message");
    const slice = this.#bytes.subarray(this.#offset, end);
    this.#offset = end + 1;
    return slice;
  }

  /** @throws GatehouseError PROTOCOL_VIOLATION also where it is not UTF-8: two readers would read two texts. */
  cstring(): string {
    return decodeUtf8(this.cstringBytes());
  }

  /** Passes over `length` bytes that have to be there; returns where they begin. */
  #pass(length: number): number {
    if (length < 0 || length > this.remaining) throw truncated();
    const start = this.#offset;
    this.#offset += length;
    return start;
  }

  /** Nothing may be left: what stands behind a message's last field was not understood. */
  end(): void {
    if (this.remaining > 0) {
      throw new GatehouseError("PROTOCOL_VIOLATION", "invalid message format");
    }
  }
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws GatehouseError PROTOCOL_VIOLATION when the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch (cause) {
    throw new GatehouseError("PROTOCOL_VIOLATION", 'invalid byte sequence for encoding "UTF8"', { cause });
  }
}

function truncated(): GatehouseError {
  return new GatehouseError("PROTOCOL_VIOLATION", "insufficient data left in message");
}
