import { GatehouseError } from "@gatehouse/core";
import { typeCode } from "../codec/framing.ts";
import { type FieldMask, writeField } from "./fields.ts";
import { GrowingBuffer } from "./growing-buffer.ts";

/** What rewrites the messages of an answer that carry values. Each of them has to be whole. */
export interface Rewriter {
  /**
   * Rewrites the messages of its type that lie one behind the other from `at` on, as far as they are whole.
   * @returns where the first begins that is not; `at` when none was whole
   * @throws GatehouseError PROTOCOL_VIOLATION when one can't be followed; of that one, nothing has been written
   */
  rewrite(bytes: Buffer, at: number): number;
  /** What has been written since this was last asked. */
  take(): Buffer;
}

const DATA_ROW = typeCode("D");
const HEADER = 5;
/** Of the header, and of the number of columns. */
const BEFORE_FIELDS = HEADER + 2;

/**
 * DataRows with the values of some columns in other values' place. Between them, bytes are copied as they are.
 *
 * @see codec/data-row.ts for the grammar
 */
export class RowMasker implements Rewriter {
  /** By the column's place, up to the last that is masked. */
  readonly #masks: readonly (FieldMask | undefined)[];
  readonly #columns: number;
  readonly #out = new GrowingBuffer();

  /** @param masks one for each column */
  constructor(masks: readonly (FieldMask | undefined)[]) {
    this.#columns = masks.length;
    this.#masks = masks.slice(0, masks.findLastIndex((mask) => mask !== undefined) + 1);
  }

  rewrite(bytes: Buffer, start: number): number {
    let at = start;
    this.#out.expect(bytes.length - at);
    while (bytes.length - at >= HEADER && bytes[at] === DATA_ROW) {
      const end = at + 1 + int32At(bytes, at + 1);
      if (end > bytes.length) break;
      this.#row(bytes, at, end);
      at = end;
    }
    return at;
  }

  take(): Buffer {
    return this.#out.take();
  }

  #row(bytes: Buffer, start: number, end: number): void {
    const out = this.#out;
    if (end - start < BEFORE_FIELDS || bytes.readUInt16BE(start + HEADER) !== this.#columns)
      throw notDescribed();
    const message = out.length;
    try {
      this.#fields(bytes, start, end);
    } catch (error) {
      out.drop(message);
      throw error;
    }
    out.end(message);
  }

  #fields(bytes: Buffer, start: number, end: number): void {
    const out = this.#out;
    let copied = start;
    let at = start + BEFORE_FIELDS;
    for (const mask of this.#masks) {
      if (end - at < 4) throw notDescribed();
      const length = int32At(bytes, at);
      const value = at + 4;
      at = length === -1 ? value : value + length;
      if (length < -1 || at > end) throw notDescribed();
      if (mask === undefined || (length === -1 && !("fixed" in mask && mask.nulls))) continue;
      if (writeField(mask, bytes, copied, value, at, out)) copied = at;
    }
    out.copy(bytes, copied, end);
  }
}

/** As readInt32BE, of bytes that are known to be there. */
function int32At(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] ?? 0) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)
  );
}

function notDescribed(): GatehouseError {
  return new GatehouseError("PROTOCOL_VIOLATION", "The target sent a row that is not what it described.");
}
