import { type Fields, parseFields } from "./fields.ts";
import { HeadReader } from "./head-reader.ts";
import { Malformed } from "./malformed.ts";

/** A chunk's size has no more digits than a sane one needs: 4 GiB, and no number that overflows somebody's. */
const DIGITS = 8;
/** Bytes of a chunk's first line. */
const LONGEST_LINE = DIGITS + 2;
const TRAILER_LIMIT = 8 * 1024;
/** Pieces of content that come of one piece of a body, at most. */
const MOST_PARTS = 16;

const NO_FIELDS = parseFields([]);
const CRLF = Buffer.from("\r\n");
const LAST = Buffer.from("0\r\n");

/** Fields that say how a message is read, or who sends it: in a trailer, some readers take them (RFC 9110, section 6.5.1). */
const NOT_IN_TRAILERS = new Set([
  ...["transfer-encoding", "content-length", "content-encoding", "content-type", "content-range", "trailer"],
  ...["host", "connection", "keep-alive", "proxy-connection", "te", "expect", "upgrade", "max-forwards"],
  ...["cache-control", "range", "if-match", "if-none-match", "if-range", "set-cookie", "cookie"],
  ...["if-modified-since", "if-unmodified-since"],
  ...["authorization", "proxy-authorization", "proxy-authenticate", "www-authenticate"],
]);

/** What is read of a body. */
export interface BodyPart {
  /** The content, without its framing, where it lies. */
  readonly content: readonly Buffer[];
  /** What is behind the body's end, once that is there. */
  readonly rest?: Buffer;
}

type State = "size" | "data" | "data end" | "trailers" | "end";

/**
 * Reads a chunked body (RFC 9112, section 7.1) in whatever pieces it comes. No chunk extensions: nobody has a use for them, and readers
 * do not agree on where they end.
 */
export class ChunkedReader {
  #state: State = "size";
  #missing = 0;
  /** The beginning of a chunk's first line, or of its end. */
  #line = "";
  #tail: HeadReader | undefined;
  #trailers: Fields = NO_FIELDS;

  /** Fields behind the content; all of them once it has ended. */
  get trailers(): Fields {
    return this.#trailers;
  }

  /** @throws Malformed */
  push(bytes: Buffer): BodyPart {
    const content: Buffer[] = [];
    let left = bytes;
    while (left.length > 0 && this.#state !== "end") left = this.#step(left, content);
    // Of many small chunks, each would cost far more than its bytes to whoever keeps them.
    const parts = content.length > MOST_PARTS ? [Buffer.concat(content)] : content;
    return this.#state === "end" ? { content: parts, rest: left } : { content: parts };
  }

  /** @returns what it has not used */
  #step(bytes: Buffer, content: Buffer[]): Buffer {
    switch (this.#state) {
      case "size":
        return this.#sizeLine(bytes);
      case "data":
        return this.#data(bytes, content);
      case "data end":
        return this.#dataEnd(bytes);
      default:
        return this.#trailerLines(bytes);
    }
  }

  #sizeLine(bytes: Buffer): Buffer {
    const before = this.#line.length;
    const line = this.#line + bytes.toString("latin1", 0, LONGEST_LINE - before);
    const [whole, digits] = /^([0-9a-fA-F]{1,8})\r\n/.exec(line) ?? [];
    if (whole === undefined || digits === undefined) {
      if (!/^[0-9a-fA-F]{0,8}$|^[0-9a-fA-F]{1,8}\r$/.test(line))
        throw new Malformed("a chunk without a proper size");
      this.#line = line;
      return bytes.subarray(bytes.length);
    }
    this.#line = "";
    this.#missing = Number.parseInt(digits, 16);
    this.#state = this.#missing === 0 ? "trailers" : "data";
    return bytes.subarray(whole.length - before);
  }

  #data(bytes: Buffer, content: Buffer[]): Buffer {
    const taken = bytes.subarray(0, this.#missing);
    content.push(taken);
    this.#missing -= taken.length;
    if (this.#missing === 0) this.#state = "data end";
    return bytes.subarray(taken.length);
  }

  #dataEnd(bytes: Buffer): Buffer {
    const before = this.#line.length;
    const line = this.#line + bytes.toString("latin1", 0, CRLF.length - before);
    if (!"\r\n".startsWith(line)) throw new Malformed("a chunk that is longer than its size");
    const whole = line.length === CRLF.length;
    this.#line = whole ? "" : line;
    if (whole) this.#state = "size";
    return bytes.subarray(line.length - before);
  }

  #trailerLines(bytes: Buffer): Buffer {
    if (this.#tail === undefined) {
      if (bytes[0] === CRLF[0] && bytes[1] === CRLF[1]) {
        this.#state = "end";
        return bytes.subarray(CRLF.length);
      }
      // With the last chunk's line before them they are a head, and end as one where there are none.
      this.#tail = new HeadReader(TRAILER_LIMIT);
      this.#tail.push(LAST);
    }
    const read = this.#tail.push(bytes);
    if (read === undefined) return bytes.subarray(bytes.length);
    this.#trailers = checkedTrailers(parseFields(read.head.lines.slice(1)));
    this.#state = "end";
    return read.rest;
  }
}

/** @throws Malformed where they say what a head alone may say */
export function checkedTrailers(trailers: Fields): Fields {
  for (const { lower } of trailers) {
    if (NOT_IN_TRAILERS.has(lower)) throw new Malformed(`${lower} in a trailer`);
  }
  return trailers;
}

/** One chunk, with its content where it lies. @param content not empty: an empty chunk is the end */
export function encodeChunk(content: Buffer): readonly [Buffer, Buffer, Buffer] {
  return [Buffer.from(`${content.length.toString(16)}\r\n`, "latin1"), content, CRLF];
}

/** The end of a chunked body. */
export function encodeLastChunk(trailers: Fields): Buffer {
  const lines = [...trailers].map(({ name, value }) => `${name}: ${value}\r\n`).join("");
  return Buffer.concat([LAST, Buffer.from(`${lines}\r\n`, "latin1")]);
}
