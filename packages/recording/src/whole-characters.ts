/** Puts characters of UTF-8 together that were cut in two. */
export class WholeCharacters {
  #rest: Buffer = Buffer.alloc(0);

  /** All that is whole so far. What can't become a character is not waited for. */
  take(bytes: Uint8Array): Buffer {
    const all = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : view(bytes);
    const end = all.length - begun(all);
    // A copy: the bytes are their owner's.
    this.#rest = Buffer.from(all.subarray(end));
    return all.subarray(0, end);
  }

  /** The beginning of a character that never came. */
  end(): Buffer {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return rest;
  }
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** How many bytes at the end have a character begun, which is not whole (RFC 3629, section 3). */
function begun(bytes: Buffer): number {
  for (let count = 1; count <= 3 && count <= bytes.length; count++) {
    const byte = bytes[bytes.length - count] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return count < lengthBy(byte) ? count : 0;
  }
  return 0;
}

function lengthBy(first: number): number {
  if (first >= 0xf0) return first <= 0xf4 ? 4 : 0;
  return first >= 0xe0 ? 3 : 2;
}
