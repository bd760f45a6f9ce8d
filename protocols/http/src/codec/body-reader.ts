import type { BodyPart } from "./chunks.ts";
import { ChunkedReader } from "./chunks.ts";
import type { Fields } from "./fields.ts";
import { parseFields } from "./fields.ts";
import type { Framing } from "./framing.ts";

const NO_FIELDS = parseFields([]);

/** Reads one message's body out of what follows its head. */
export class BodyReader {
  readonly #chunked: ChunkedReader | undefined;
  /** Bytes that are still to come; Infinity to the connection's end. */
  #missing: number;
  #ended: boolean;

  constructor(framing: Framing) {
    this.#chunked = framing.kind === "chunked" ? new ChunkedReader() : undefined;
    this.#missing = framing.kind === "length" ? framing.length : Number.POSITIVE_INFINITY;
    this.#ended = framing.kind === "none" || this.#missing === 0;
  }

  /** Whether all of it has been read. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the connection's end is the body's end, and no loss of a part of it. */
  get endsWithConnection(): boolean {
    return this.#ended || (this.#chunked === undefined && this.#missing === Number.POSITIVE_INFINITY);
  }

  get trailers(): Fields {
    return this.#chunked?.trailers ?? NO_FIELDS;
  }

  /** @throws Malformed */
  push(bytes: Buffer): BodyPart {
    if (this.#ended) return { content: [], rest: bytes };
    const part = this.#chunked ? this.#chunked.push(bytes) : this.#counted(bytes);
    this.#ended = part.rest !== undefined;
    return part;
  }

  #counted(bytes: Buffer): BodyPart {
    const taken = bytes.subarray(0, this.#missing);
    this.#missing -= taken.length;
    const content = taken.length === 0 ? [] : [taken];
    return this.#missing === 0 ? { content, rest: bytes.subarray(taken.length) } : { content };
  }
}
