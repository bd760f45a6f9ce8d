/** Writes one message's bytes, growing as it goes. Integers are big-endian, as on every wire here. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(size = 256) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  get length(): number {
    return this.#length;
  }

  uint8(value: number): this {
    this.#length = this.#room(1).writeUInt8(value, this.#length);
    return this;
  }

  int16(value: number): this {
    this.#length = this.#room(2).writeInt16BE(value, this.#length);
    return this;
  }

  int32(value: number): this {
    this.#length = this.#room(4).writeInt32BE(value, this.#length);
    return this;
  }

  uint32(value: number): this {
    this.#length = this.#room(4).writeUInt32BE(value, this.#length);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#room(value.length).set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** UTF-8 and a zero byte. A text that holds a zero byte would end early at its reader, so it is cut there. */
  cstring(value: string): this {
    const end = value.indexOf("\0");
    return this.bytes(Buffer.from(end === -1 ? value : value.slice(0, end), "utf8")).uint8(0);
  }

  /** Writes over an earlier place: a length that was not known yet. */
  setInt32(offset: number, value: number): this {
    this.#bytes.writeInt32BE(value, offset);
    return this;
  }

  toBuffer(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #room(more: number): Buffer {
    const needed = this.#length + more;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    return this.#bytes;
  }
}
