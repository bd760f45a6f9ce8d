import { GatehouseError } from "@gatehouse/core";
import type { CopyFormat } from "../analysis/copy-format.ts";
import type { CopyRows } from "./copy.ts";
import type { FieldMask, MaskedField } from "./fields.ts";
import type { GrowingBuffer } from "./growing-buffer.ts";

export type LinesFormat = Extract<CopyFormat, { readonly kind: "text" | "csv" }>;

const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;

/** Where one value stands in a line, as it is written there. */
interface Place {
  readonly end: number;
  /** Its plain bytes; undefined for NULL. */
  readonly value: Buffer | undefined;
  readonly quoted: boolean;
}

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
  #header: boolean;

  /** @param masks one for each column */
  constructor(format: LinesFormat, masks: readonly (FieldMask | undefined)[]) {
    this.#format = format;
    this.#masks = masks;
    this.#delimiter = format.delimiter.charCodeAt(0);
    this.#quote = format.quote.charCodeAt(0);
    this.#escape = format.escape.charCodeAt(0);
    this.#null = Buffer.from(format.null, "utf8");
    this.#header = format.header;
  }

  rewrite(bytes: Buffer, out: GrowingBuffer): number {
    let at = 0;
    for (;;) {
      const end = this.#endOfLine(bytes, at);
      if (end === undefined) return at;
      if (this.#header) {
        this.#header = false;
        out.copy(bytes, at, end + 1);
      } else {
        this.#line(bytes, at, end, out);
      }
      at = end + 1;
    }
  }

  /** Where the line's newline stands; undefined while it is not there. */
  #endOfLine(bytes: Buffer, start: number): number | undefined {
    const newline = bytes.indexOf(NEWLINE, start);
    if (newline === -1) return undefined;
    if (this.#format.kind === "text") return newline;
    // In quotes, a newline is a part of the value.
    let at = start;
    let quoted = false;
    for (; at < bytes.length; at++) {
      const byte = bytes[at];
      if (quoted && byte === this.#escape && this.#escapes(bytes[at + 1])) at++;
      else if (byte === this.#quote) quoted = !quoted;
      else if (byte === NEWLINE && !quoted) return at;
    }
    return undefined;
  }

  /** Whether an escape stands for what comes behind it; otherwise it stands for itself, or closes the quotes. */
  #escapes(next: number | undefined): boolean {
    return next === this.#quote || next === this.#escape;
  }

  #line(bytes: Buffer, start: number, end: number, out: GrowingBuffer): void {
    let at = start;
    for (const [index, mask] of this.#masks.entries()) {
      if (index > 0) {
        if (bytes[at] !== this.#delimiter || at >= end) throw notLines();
        out.byte(this.#delimiter);
        at++;
      }
      const place = this.#format.kind === "csv" ? this.#csv(bytes, at, end) : this.#text(bytes, at, end);
      this.#write(mask, place, bytes.subarray(at, place.end), out);
      at = place.end;
    }
    if (at !== end) throw notLines();
    out.byte(NEWLINE);
  }

  #write(mask: FieldMask | undefined, { value, quoted }: Place, written: Buffer, out: GrowingBuffer): void {
    let masked: MaskedField | undefined;
    if (mask !== undefined && value !== undefined) {
      masked = "fixed" in mask ? mask.fixed : mask.each(value, 0, value.length);
    }
    if (masked === undefined) out.copy(written, 0, written.length);
    else if (masked === null) out.copy(this.#null, 0, this.#null.length);
    else
      out.text(
        this.#format.kind === "csv" ? this.#csvOf(String(masked), quoted) : this.#textOf(String(masked)),
      );
  }

  #text(bytes: Buffer, start: number, lineEnd: number): Place {
    let end = start;
    let escaped = false;
    while (end < lineEnd && bytes[end] !== this.#delimiter) {
      if (bytes[end] === BACKSLASH) {
        escaped = true;
        end++;
      }
      end++;
    }
    if (end > lineEnd) throw notLines();
    const written = bytes.subarray(start, end);
    if (written.equals(this.#null)) return { end, value: undefined, quoted: false };
    return { end, value: escaped ? unescaped(written) : written, quoted: false };
  }

  #textOf(value: string): string {
    const escaped = value.replace(
      /[\\\b\f\n\r\t\v]/g,
      (character) => `\\${LETTERS.get(character) ?? character}`,
    );
    const { delimiter } = this.#format;
    return delimiter === "\t" ? escaped : escaped.replaceAll(delimiter, () => `\\${delimiter}`);
  }

  #csv(bytes: Buffer, start: number, lineEnd: number): Place {
    if (bytes[start] !== this.#quote || start >= lineEnd) {
      const delimiter = bytes.indexOf(this.#delimiter, start);
      const end = delimiter === -1 || delimiter > lineEnd ? lineEnd : delimiter;
      const value = bytes.subarray(start, end);
      return { end, value: value.equals(this.#null) ? undefined : value, quoted: false };
    }
    const value: number[] = [];
    let at = start + 1;
    for (; at < lineEnd; at++) {
      const byte = bytes[at] ?? 0;
      const next = bytes[at + 1];
      if (byte === this.#escape && this.#escapes(next) && at + 1 < lineEnd) value.push(bytes[++at] ?? 0);
      else if (byte === this.#quote) break;
      else value.push(byte);
    }
    if (at >= lineEnd) throw notLines();
    return { end: at + 1, value: Buffer.from(value), quoted: true };
  }

  #csvOf(value: string, quoted: boolean): string {
    const { delimiter, quote, escape: escaping } = this.#format;
    const needs =
      quoted ||
      value === this.#format.null ||
      /[\r\n]|^\\\.$|^\s|\s$/.test(value) ||
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
