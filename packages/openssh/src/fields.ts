import type { Invalid } from "./invalid.ts";

/*
 * What keys, signatures and certificates are made of (RFC 4251 section 5):
 *
 *   uint32, uint64   big-endian
 *   string           uint32 length, and as many bytes
 *   mpint            a string with two's complement, big-endian, in as few bytes as will do
 */

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const CONTROL = /\p{Cc}/u;

/** Reads fields from the front. What does not keep to the grammar is refused with the error that the reader was given. */
export class Fields {
  readonly #bytes: Buffer;
  readonly #invalid: Invalid;
  #offset = 0;

  constructor(bytes: Uint8Array, invalid: Invalid) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#invalid = invalid;
  }

  /** Where the next field begins. */
  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** All that was read since an offset. */
  since(offset: number): Buffer {
    return this.#bytes.subarray(offset, this.#offset);
  }

  bytes(length: number): Buffer {
    if (length > this.remaining) throw this.#invalid("it ends in the middle of a field");
    const start = this.#offset;
    this.#offset += length;
    return this.#bytes.subarray(start, this.#offset);
  }

  uint8(): number {
    return this.bytes(1).readUInt8();
  }

  uint32(): number {
    return this.bytes(4).readUInt32BE();
  }

  uint64(): bigint {
    return this.bytes(8).readBigUInt64BE();
  }

  string(): Buffer {
    return this.bytes(this.uint32());
  }

  /** A string that is text. It will be printed and compared: control characters, and what is not UTF-8, have no place. */
  text(): string {
    const bytes = this.string();
    let text: string;
    try {
      text = utf8.decode(bytes);
    } catch (cause) {
      throw this.#invalid("a text in it is not UTF-8", { cause });
    }
    if (CONTROL.test(text)) throw this.#invalid("a text in it has control characters");
    return text;
  }

  /**
   * A number above zero, as big-endian bytes without zeros in front. With a second way to write it, one key would have
   * two fingerprints.
   */
  mpint(): Buffer {
    const bytes = this.string();
    const [first, second] = bytes;
    const padded = first === 0 && second !== undefined && second >= 0x80;
    if (first === undefined || first >= 0x80 || (first === 0 && !padded)) {
      throw this.#invalid("a number in it is not above zero, or is not written in the shortest way");
    }
    return padded ? bytes.subarray(1) : bytes;
  }

  /** Nothing may be left. */
  end(): void {
    if (this.remaining > 0) throw this.#invalid("more bytes follow its end");
  }
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** @param value UTF-8 where it is a text */
export function string(value: string | Uint8Array): Buffer {
  return Buffer.concat([uint32(Buffer.byteLength(value)), Buffer.from(value)]);
}

/** @param value a number that is not negative, big-endian */
export function mpint(value: Uint8Array): Buffer {
  const start = value.findIndex((byte) => byte !== 0);
  const bytes = start === -1 ? Buffer.alloc(0) : value.subarray(start);
  const padding = Buffer.alloc((bytes[0] ?? 0) >= 0x80 ? 1 : 0);
  return string(Buffer.concat([padding, bytes]));
}
