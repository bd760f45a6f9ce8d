import { GatehouseError } from "@gatehouse/core";
import { typeCode } from "../codec/framing.ts";
import type { CopyFormat } from "../analysis/copy-format.ts";
import { CopyBinary } from "./copy-binary.ts";
import { CopyLines } from "./copy-lines.ts";
import type { FieldMask } from "./fields.ts";
import { GrowingBuffer } from "./growing-buffer.ts";
import type { Rewriter } from "./rows.ts";

/** Takes the data of a COPY apart, and writes them with values in other values' place. */
export interface CopyRows {
  /**
   * Writes the rows that are whole, of the bytes from `start` to `end`.
   * @returns where the first begins that is not; what is left is handed in again, with more behind it
   */
  rewrite(bytes: Buffer, start: number, end: number, out: GrowingBuffer): number;
}

const COPY_DATA = typeCode("d");
const HEADER = 5;
const NOTHING = Buffer.alloc(0);

/**
 * The CopyData of a COPY to the client. A message may end inside of a row ("COPY Operations"), though PostgreSQL's never
 * do: what is not whole yet goes on with a later one.
 */
export class CopyMasker implements Rewriter {
  readonly #rows: CopyRows;
  readonly #limit: number;
  readonly #out = new GrowingBuffer();
  /** The beginning of a row. */
  #held: Buffer = NOTHING;

  /** @param limit bytes of one row */
  constructor(
    format: Exclude<CopyFormat, { readonly kind: "unknown" }>,
    masks: readonly (FieldMask | undefined)[],
    limit: number,
  ) {
    this.#rows = format.kind === "binary" ? new CopyBinary(masks) : new CopyLines(format, masks);
    this.#limit = limit;
  }

  rewrite(bytes: Buffer, start: number): number {
    let at = start;
    while (bytes.length - at >= HEADER && bytes[at] === COPY_DATA) {
      const end = at + 1 + bytes.readInt32BE(at + 1);
      if (end > bytes.length) break;
      if (this.#held.length === 0) {
        this.#data(bytes, at + HEADER, end);
      } else {
        const data = Buffer.concat([this.#held, bytes.subarray(at + HEADER, end)]);
        this.#data(data, 0, data.length);
      }
      at = end;
    }
    return at;
  }

  take(): Buffer {
    return this.#out.take();
  }

  /** CopyDone. @throws GatehouseError PROTOCOL_VIOLATION in the middle of a row */
  done(): void {
    if (this.#held.length > 0) {
      throw new GatehouseError("PROTOCOL_VIOLATION", "The target ended a COPY in the middle of a row.");
    }
  }

  /** @param message where what it is written into begins */
  #rewritten(bytes: Buffer, start: number, end: number, message: number): number {
    try {
      return this.#rows.rewrite(bytes, start, end, this.#out);
    } catch (error) {
      this.#out.drop(message);
      throw error;
    }
  }

  #data(bytes: Buffer, start: number, end: number): void {
    const message = this.#out.begin(COPY_DATA);
    const taken = this.#rewritten(bytes, start, end, message);
    if (this.#out.hasBody(message)) this.#out.end(message);
    else this.#out.drop(message);
    if (end - taken > this.#limit) {
      throw new GatehouseError(
        "PROTOCOL_VIOLATION",
        "A row that is to be masked is larger than the gateway's limit.",
      );
    }
    // A copy: what the message came in is not to be kept for it.
    this.#held = taken === end ? NOTHING : Buffer.from(bytes.subarray(taken, end));
  }
}
