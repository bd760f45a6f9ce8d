import { GatehouseError } from "@gatehouse/core";
import type { CopyFormat } from "../analysis/copy-format.ts";
import type { CopyRows } from "./copy.ts";
import type { FieldMask, MaskEach, MaskedField } from "./fields.ts";
import type { GrowingBuffer } from "./growing-buffer.ts";

export type LinesFormat = Extract<CopyFormat, { readonly kind: "text" | "csv" }>;

const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;

/**
 * COPY's text and CSV formats ("File Formats"), as the server writes them: lines end with a newline, and in the encodings
 * that the gateway speaks no byte of another character looks like one of ASCII.
 */
export class CopyLines implements CopyRows {
  readonly #format: LinesFormat;
  readonly #masks: readonly (FieldMask | undefined)[];
  readonly #delimiter: number;
  readonly #quote: number;
  readonly #escape: number;
  readonly #null: Buffer;
  /** A row without columns is an empty line, and so it looks like one of one. */
  readonly #columns: number;
  /** With stars in their place, bytes that nothing had to be done for are of that kind still. */
  readonly #staysPlain: boolean;
  #header: boolean;

  /** @param masks one for each column */
  constructor(format: LinesFormat, masks: readonly (FieldMask | undefined)[]) {
    this.#format = format;
    this.#masks = masks;
    this.#delimiter = format.delimiter.charCodeAt(0);
    this.#quote = format.quote.charCodeAt(0);
    this.#escape = format.escape.charCodeAt(0);
    this.#null = Buffer.from(format.null, "utf8");
    this.#columns = Math.max(1, masks.length);
    const { delimiter, quote, escape: escaping, null: nothing } = format;
    this.#staysPlain = ![delimiter, quote, escaping, nothing].some((text) => text.includes("*"));
    this.#header = format.header;
  }

  rewrite(bytes: Buffer, start: number, end: number, out: GrowingBuffer): number {
    let at = start;
    for (;;) {
      const written = out.length;
      const next = this.#line(bytes, at, end, out);
      if (next === undefined) {
        out.drop(written);
        return at;
      }
      this.#header = false;
      at = next;
    }
  }

  /** @returns behind its newline; undefined while that is not there */
  #line(bytes: Buffer, start: number, end: number, out: GrowingBuffer): number | undefined {
    let copied = start;
    let at = start;
    for (let column = 1; ; column++) {
      const close =
        this.#format.kind === "csv" ? this.#endOfCsv(bytes, at, end) : this.#endOfText(bytes, at, end);
      if (close === undefined) return undefined;
      const mask = this.#header ? undefined : this.#masks[column - 1];
      if (mask !== undefined && this.#write(mask, bytes, copied, at, close, out)) copied = close;
      at = close + 1;
      const isLast = bytes[close] === NEWLINE;
      if (isLast !== (column === this.#columns)) throw notLines();
      if (isLast) break;
    }
    out.copy(bytes, copied, at);
    return at;
  }

  /**
   * Writes what stands in the value's place behind all that was not written yet.
   * @param copied up to where it was written
   * @returns false, with nothing written, where the value stays
   */
  #write(
    mask: FieldMask,
    bytes: Buffer,
    copied: number,
    start: number,
    end: number,
    out: GrowingBuffer,
  ): boolean {
    if (this.#isNull(bytes, start, end)) return false;
    if ("each" in mask && mask.ascii && this.#staysPlain && this.#isPlain(bytes, start, end)) {
      const before = out.length;
      out.copy(bytes, copied, start);
      if (out.ascii(mask.ascii, bytes, start, end)) return true;
      out.drop(before);
    }
    const masked = "fixed" in mask ? mask.fixed : this.#masked(mask.each, bytes, start, end);
    if (masked === undefined) return false;
    out.copy(bytes, copied, start);
    if (masked === null) {
      out.copy(this.#null, 0, this.#null.length);
    } else if (this.#format.kind === "csv") {
      out.text(this.#csvOf(String(masked), bytes[start] === this.#quote));
    } else {
      out.text(this.#textOf(String(masked)));
    }
    return true;
  }

  #isNull(bytes: Buffer, start: number, end: number): boolean {
    const { length } = this.#null;
    if (end - start !== length) return false;
    for (let at = 0; at < length; at++) if (bytes[start + at] !== this.#null[at]) return false;
    return true;
  }

  /** It is written as it is. */
  #isPlain(bytes: Buffer, start: number, end: number): boolean {
    if (this.#format.kind === "csv") return bytes[start] !== this.#quote;
    return !hasBackslash(bytes, start, end);
  }

  /** Of the plain value. */
  #masked(each: MaskEach, bytes: Buffer, start: number, end: number): MaskedField | undefined {
    if (this.#isPlain(bytes, start, end)) return each(bytes, start, end);
    const value =
      this.#format.kind === "csv"
        ? this.#unquoted(bytes, start + 1, end - 1)
        : unescaped(bytes.subarray(start, end));
    return each(value, 0, value.length);
  }

  /** Where the delimiter or the newline behind a value stands; undefined while it is not there. */
  #endOfText(bytes: Buffer, start: number, end: number): number | undefined {
    for (let at = start; at < end; at++) {
      const byte = bytes[at];
      if (byte === this.#delimiter || byte === NEWLINE) return at;
      // A newline in a value is written as `\n`.
      if (byte === BACKSLASH && ++at < end && bytes[at] === NEWLINE) throw notLines();
    }
    return undefined;
  }

  /** As #endOfText. In quotes, delimiters and newlines are a part of the value; outside, there are no quotes. */
  #endOfCsv(bytes: Buffer, start: number, end: number): number | undefined {
    let at = start;
    let quoted = bytes[at] === this.#quote && at < end;
    if (quoted) at++;
    const opened = quoted;
    for (; at < end; at++) {
      const byte = bytes[at];
      if (quoted) {
        if (byte === this.#escape && this.#escapes(bytes[at + 1])) at++;
        else if (byte === this.#quote) quoted = false;
      } else if (byte === this.#delimiter || byte === NEWLINE) {
        return at;
      } else if (opened || byte === this.#quote) {
        throw notLines();
      }
    }
    return undefined;
  }

  /** Whether an escape stands for what comes behind it; otherwise it stands for itself, or closes the quotes. */
  #escapes(next: number | undefined): boolean {
    return next === this.#quote || next === this.#escape;
  }

  #unquoted(bytes: Buffer, start: number, end: number): Buffer {
    const value = Buffer.alloc(end - start);
    let length = 0;
    for (let at = start; at < end; at++) {
      if (bytes[at] === this.#escape && at + 1 < end && this.#escapes(bytes[at + 1])) at++;
      value[length++] = bytes[at] ?? 0;
    }
    return value.subarray(0, length);
  }

  #textOf(value: string): string {
    const escaped = value.replace(
      /[\\\b\f\n\r\t\v]/g,
      (character) => `\\${LETTERS.get(character) ?? character}`,
    );
    const { delimiter } = this.#format;
    return delimiter === "\t" ? escaped : escaped.replaceAll(delimiter, () => `\\${delimiter}`);
  }

  #csvOf(value: string, quoted: boolean): string {
    const { delimiter, quote, escape: escaping } = this.#format;
    const needs =
      quoted ||
      value === this.#format.null ||
      /[\r\n]|^\\\.$/.test(value) ||
      value.includes(delimiter) ||
      value.includes(quote);
    if (!needs) return value;
    const doubled = escaping === quote ? value : value.replaceAll(escaping, () => escaping + escaping);
    return quote + doubled.replaceAll(quote, () => escaping + quote) + quote;
  }
}

const LETTERS: ReadonlyMap<string, string> = new Map([
  ["\b", "b"],
  ["\f", "f"],
  ["\n", "n"],
  ["\r", "r"],
  ["\t", "t"],
  ["\v", "v"],
]);
const CHARACTERS: ReadonlyMap<number, number> = new Map(
  Array.from(LETTERS, ([character, letter]) => [letter.charCodeAt(0), character.charCodeAt(0)] as const),
);

function hasBackslash(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}

/** The server writes no octal or hexadecimal escapes. */
function unescaped(written: Buffer): Buffer {
  const value = Buffer.alloc(written.length);
  let length = 0;
  for (let at = 0; at < written.length; at++) {
    const byte = written[at] ?? 0;
    const escaped = byte === BACKSLASH ? (written[++at] ?? 0) : undefined;
    value[length++] = escaped === undefined ? byte : (CHARACTERS.get(escaped) ?? escaped);
  }
  return value.subarray(0, length);
}

function notLines(): GatehouseError {
  return new GatehouseError(
    "PROTOCOL_VIOLATION",
    "The target sent a COPY that is not in the format it was asked for.",
  );
}
