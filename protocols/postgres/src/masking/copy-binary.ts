import { GatehouseError } from "@gatehouse/core";
import type { CopyRows } from "./copy.ts";
import { type FieldMask, writeField } from "./fields.ts";
import type { GrowingBuffer } from "./growing-buffer.ts";

/*
 * COPY's binary format ("Binary Format"):
 *
 *   Byte11     'PGCOPY\n\377\r\n\0'
 *   Int32      flags
 *   Int32      length of the header's extension, and that
 *   for each row
 *     Int16    number of columns
 *     for each Int32 length (-1 for NULL) and the bytes
 *   Int16      -1
 */
const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");
const BEFORE_EXTENSION = SIGNATURE.length + 8;
const TRAILER = -1;

export class CopyBinary implements CopyRows {
  readonly #masks: readonly (FieldMask | undefined)[];
  #place: "header" | "rows" | "end" = "header";

  /** @param masks one for each column */
  constructor(masks: readonly (FieldMask | undefined)[]) {
    this.#masks = masks;
  }

  rewrite(bytes: Buffer, start: number, limit: number, out: GrowingBuffer): number {
    let at = start;
    if (this.#place === "header") {
      at += this.#header(bytes.subarray(start, limit));
      out.copy(bytes, start, at);
      if (at === start) return start;
      this.#place = "rows";
    }
    while (this.#place === "rows" && limit - at >= 2) {
      const columns = bytes.readInt16BE(at);
      if (columns === TRAILER) {
        out.copy(bytes, at, at + 2);
        at += 2;
        this.#place = "end";
        break;
      }
      if (columns !== this.#masks.length) throw notBinary();
      const end = endOfRow(bytes, at + 2, limit, columns);
      if (end === undefined) break;
      this.#row(bytes, at, end, out);
      at = end;
    }
    if (this.#place === "end" && at < limit) throw notBinary();
    return at;
  }

  /** @returns its length, or zero while it is not whole */
  #header(bytes: Buffer): number {
    if (bytes.length < BEFORE_EXTENSION) return 0;
    // With flags (object ids, of old) a row has more than its columns.
    if (!bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE) || bytes.readInt32BE(SIGNATURE.length) !== 0) {
      throw notBinary();
    }
    const extension = bytes.readInt32BE(SIGNATURE.length + 4);
    if (extension < 0) throw notBinary();
    return bytes.length < BEFORE_EXTENSION + extension ? 0 : BEFORE_EXTENSION + extension;
  }

  #row(bytes: Buffer, start: number, end: number, out: GrowingBuffer): void {
    let copied = start;
    let at = start + 2;
    for (const mask of this.#masks) {
      const length = bytes.readInt32BE(at);
      const value = at + 4;
      at = length === -1 ? value : value + length;
      if (mask === undefined || length === -1) continue;
      if (writeField(mask, bytes, copied, value, at, out)) copied = at;
    }
    out.copy(bytes, copied, end);
  }
}

/** Behind so many fields; undefined while they are not all there. */
function endOfRow(bytes: Buffer, start: number, limit: number, columns: number): number | undefined {
  let at = start;
  for (let left = columns; left > 0; left--) {
    if (limit - at < 4) return undefined;
    const length = bytes.readInt32BE(at);
    if (length < -1) throw notBinary();
    at += 4 + Math.max(length, 0);
    if (at > limit) return undefined;
  }
  return at;
}

function notBinary(): GatehouseError {
  return new GatehouseError("PROTOCOL_VIOLATION", "The target sent a COPY that is not in its binary format.");
}
