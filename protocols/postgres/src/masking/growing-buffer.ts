import type { MaskAscii } from "@gatehouse/core";
import type { MaskedField } from "./fields.ts";

const HEADER = 5;
/** Bytes. What is shorter is written one by one, which costs less than a call out of JavaScript. */
const SHORT = 48;
/** Bytes. */
const SMALLEST = 1024;
const LARGEST = 64 * 1024;
const NOTHING = Buffer.alloc(0);
/** UTF-8 has no character that takes more bytes than three for each unit of UTF-16. */
const MOST = 3;

/** What messages are written into, one behind the other, to go out in one piece. */
export class GrowingBuffer {
  #bytes: Buffer = NOTHING;
  /** What it grows by at least. */
  #next = SMALLEST;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Sees to it that so many bytes will fit, as far as is known. */
  expect(size: number): void {
    if (this.#bytes.length - this.#length < size) this.#grow(size);
  }

  copy(from: Buffer, start: number, end: number): void {
    this.expect(end - start);
    if (end - start > SHORT) {
      this.#length += from.copy(this.#bytes, this.#length, start, end);
      return;
    }
    const bytes = this.#bytes;
    let length = this.#length;
    for (let at = start; at < end; at++) bytes[length++] = from[at] ?? 0;
    this.#length = length;
  }

  text(text: string): void {
    this.expect(text.length * MOST);
    if (text.length > SHORT || !this.#ascii(text)) {
      this.#length += this.#bytes.write(text, this.#length, "utf8");
    }
  }

  /** @returns false, with nothing written, where the text is not ASCII */
  #ascii(text: string): boolean {
    const bytes = this.#bytes;
    let length = this.#length;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code > 127) return false;
      bytes[length++] = code;
    }
    this.#length = length;
    return true;
  }

  byte(value: number): void {
    this.expect(1);
    this.#bytes[this.#length++] = value;
  }

  /** A field as DataRow and a binary COPY have it: Int32 length (-1 for NULL), and the bytes. */
  field(value: MaskedField): void {
    const start = this.#length;
    this.int32(-1);
    if (value === null) return;
    if (typeof value === "string") this.text(value);
    else this.copy(value, 0, value.length);
    this.#setInt32(this.#length - start - 4, start);
  }

  /** As `field`. @returns false where the mask can't say */
  asciiField(mask: MaskAscii, from: Buffer, start: number, end: number): boolean {
    const length = this.#length;
    this.int32(0);
    if (!this.ascii(mask, from, start, end)) return false;
    this.#setInt32(this.#length - length - 4, length);
    return true;
  }

  /** What a mask makes of a value. @returns false, with nothing written, where it can't say */
  ascii(mask: MaskAscii, from: Buffer, start: number, end: number): boolean {
    this.expect(end - start + 3);
    const written = mask(from, start, end, this.#bytes, this.#length);
    if (written < 0) return false;
    this.#length = written;
    return true;
  }

  int32(value: number): void {
    this.expect(4);
    this.#setInt32(value, this.#length);
    this.#length += 4;
  }

  #setInt32(value: number, at: number): void {
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  /** Begins a message. @returns where, for `end` */
  begin(type: number): number {
    const start = this.#length;
    this.byte(type);
    this.int32(0);
    return start;
  }

  /** The message that was begun there is whole. */
  end(start: number): void {
    this.#setInt32(this.#length - start - 1, start + 1);
  }

  /** A message that was begun has come to nothing. */
  drop(start: number): void {
    this.#length = start;
  }

  /** Whether a message that was begun there has a body. */
  hasBody(start: number): boolean {
    return this.#length > start + HEADER;
  }

  /** All that was written, taken away. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    // What is left of it is written to next; it is not given out twice.
    this.#bytes = this.#bytes.subarray(this.#length);
    this.#length = 0;
    return taken;
  }

  /** Most answers are short, and of a long one each piece that is taken leaves less. */
  #grow(size: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#next, this.#length + size, this.#length * 2));
    this.#next = Math.min(this.#next * 2, LARGEST);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
