import { isAscii } from "node:buffer";
import { GatehouseError, type MaskAscii, type Transform } from "@gatehouse/core";
import type { RowColumn } from "../codec/row-description.ts";
import type { Decode } from "../codec/name.ts";
import type { GrowingBuffer } from "./growing-buffer.ts";
import { arrayBinary, mapArrayBinary, mapArrayText, quotedElement } from "./arrays.ts";
import {
  binaryText,
  elementType,
  type Kind,
  type MaskedType,
  maskedType,
  mostBytes,
  plainText,
} from "./types.ts";
import type { MaskText, ValueMasks } from "@gatehouse/core";

/** What stands in a value's place: text to be written as UTF-8, bytes, or null for NULL. */
export type MaskedField = string | Buffer | null;

/** What becomes of the values of one column that are not NULL. */
export type FieldMask =
  /** The same for each; with `nulls`, for NULL too. */
  | { readonly fixed: MaskedField; readonly nulls?: true }
  | {
      readonly each: MaskEach;
      /** A quicker way to the same, where it can say. */
      readonly ascii?: MaskAscii | undefined;
    };

/** Of the bytes of one value; undefined: it stays as it is. */
export type MaskEach = (bytes: Buffer, start: number, end: number) => MaskedField | undefined;

/** How texts are written in the session. */
export interface TextEncoding {
  readonly utf8: boolean;
  /** undefined where the bytes are none in the encoding. */
  readonly decode: Decode;
}

/** Nothing but NULL. */
export const NULL = { fixed: null } as const;

/** How the values of a column are hidden by a transform. */
export function fieldMask(
  transform: Transform,
  { type, modifier, binary }: RowColumn,
  values: ValueMasks,
  encoding: TextEncoding,
): FieldMask {
  const element = elementType(type);
  const shape = maskedType(element ?? type);
  if (transform.kind === "null" || shape === undefined) return NULL;
  const kind: Kind = shape.serves.has(transform.kind) ? transform.kind : "redact";
  const redacted = shape.form(values.transform({ kind: "redact" })("") ?? "", "redact", modifier);
  const mask = values.transform(kind === transform.kind ? transform : { kind: "redact" });
  const column = new Column(shape, element ?? type, modifier, kind, writable(redacted, encoding), encoding);
  if (kind === "redact" || kind === "constant") {
    // An array of one: how many there were is a part of the value too.
    const form = kind === "redact" || element !== undefined ? column.redacted : column.form(mask(""));
    if (form === undefined) return NULL;
    if (element === undefined) return { fixed: binary ? shape.binary(form) : form };
    return { fixed: binary ? arrayBinary(element, shape.binary(form)) : `{${quotedElement(form)}}` };
  }
  if (element !== undefined) return { each: binary ? column.arrayBinary(mask) : column.arrayText(mask) };
  if (binary && !shape.textual) return { each: column.binary(mask) };
  return { each: column.text(mask), ascii: asciiUpTo(mostBytes(type, modifier), values.ascii?.(transform)) };
}

/** What is longer than the type takes is left to the type. */
function asciiUpTo(most: number, mask: MaskAscii | undefined): MaskAscii | undefined {
  if (mask === undefined || most === Number.POSITIVE_INFINITY) return mask;
  if (most === 0) return undefined;
  return (bytes, start, end, out, at) => {
    const written = mask(bytes, start, end, out, at);
    return written - at > most ? -1 : written;
  };
}

/**
 * Writes what stands in a value's place, as a field of a DataRow or of a binary COPY has it: its length and its bytes.
 * @param copied up to where all before it has been written
 * @param start of the value itself
 * @returns false, with nothing written, where the value stays
 */
export function writeField(
  mask: FieldMask,
  bytes: Buffer,
  copied: number,
  start: number,
  end: number,
  out: GrowingBuffer,
): boolean {
  const before = out.length;
  if ("each" in mask && mask.ascii) {
    out.copy(bytes, copied, start - 4);
    if (out.asciiField(mask.ascii, bytes, start, end)) return true;
    out.drop(before);
  }
  const masked = "fixed" in mask ? mask.fixed : mask.each(bytes, start, end);
  if (masked === undefined) return false;
  out.copy(bytes, copied, start - 4);
  out.field(masked);
  return true;
}

/**
 * What stands in each row for what was computed from a masked value: a text says so, other types have nothing but NULL.
 * That it is the same for NULL keeps an expression from telling something by being NULL or not.
 */
export function withheldMask(column: RowColumn, values: ValueMasks, encoding: TextEncoding): FieldMask {
  if (maskedType(column.type)?.textual !== true) return NULL;
  const mask = fieldMask({ kind: "redact" }, column, values, encoding);
  return "fixed" in mask && mask.fixed !== null ? { fixed: mask.fixed, nulls: true } : NULL;
}

/** How what the detectors find in the values of a column that has no mask of its own is hidden. */
export function detectingMask(
  find: MaskText,
  { type, modifier, binary }: RowColumn,
  values: ValueMasks,
  encoding: TextEncoding,
): FieldMask {
  const shape = maskedType(type);
  const redact: FieldMask = fieldMask({ kind: "redact" }, { type, modifier, binary }, values, encoding);
  const redacted = "fixed" in redact ? redact.fixed : null;
  return {
    each(bytes, start, end) {
      const text =
        binary && !shape?.textual
          ? binaryText(bytes.subarray(start, end), type)
          : decoded(bytes, start, end, encoding);
      if (text === undefined) return redacted;
      const found = find(text);
      if (found === text) return undefined;
      if (found === null) return null;
      // With a part of it changed, a text is a text; of other types, nothing is sure to be a value any more.
      return shape?.textual
        ? (writable(shape.form(found, "partial", modifier), encoding) ?? redacted)
        : redacted;
    },
  };
}

/** One column's values, as its type has them. */
class Column {
  readonly redacted: string | undefined;
  readonly #shape: MaskedType;
  readonly #type: number;
  readonly #modifier: number;
  readonly #kind: Kind;
  readonly #encoding: TextEncoding;

  constructor(
    shape: MaskedType,
    type: number,
    modifier: number,
    kind: Kind,
    redacted: string | undefined,
    encoding: TextEncoding,
  ) {
    this.#shape = shape;
    this.#type = type;
    this.#modifier = modifier;
    this.#kind = kind;
    this.redacted = redacted;
    this.#encoding = encoding;
  }

  /** The type's text form of what a transform gave; undefined is NULL. */
  form(masked: string | null): string | undefined {
    if (masked === null) return undefined;
    return writable(this.#shape.form(masked, this.#kind, this.#modifier), this.#encoding) ?? this.redacted;
  }

  /** A value's text in its place; one that can't be read is redacted. */
  #masked(mask: MaskText, text: string | undefined): string | undefined {
    return text === undefined ? this.redacted : this.form(mask(plainText(text, this.#type)));
  }

  text(mask: MaskText) {
    return (bytes: Buffer, start: number, end: number): MaskedField =>
      this.#masked(mask, decoded(bytes, start, end, this.#encoding)) ?? null;
  }

  binary(mask: MaskText) {
    return (bytes: Buffer, start: number, end: number): MaskedField =>
      this.#binary(mask, bytes.subarray(start, end)) ?? null;
  }

  arrayText(mask: MaskText) {
    return (bytes: Buffer, start: number, end: number): MaskedField => {
      const text = decoded(bytes, start, end, this.#encoding);
      if (text === undefined) return null;
      return mapArrayText(text, (element) => this.#masked(mask, element)) ?? null;
    };
  }

  arrayBinary(mask: MaskText) {
    return (bytes: Buffer, start: number, end: number): MaskedField => {
      try {
        return mapArrayBinary(bytes.subarray(start, end), (element) => this.#binary(mask, element));
      } catch (error) {
        if (error instanceof GatehouseError) return null;
        throw error;
      }
    };
  }

  #binary(mask: MaskText, value: Buffer): Buffer | undefined {
    const text = this.#shape.textual
      ? decoded(value, 0, value.length, this.#encoding)
      : binaryText(value, this.#type);
    const form = this.#masked(mask, text);
    return form === undefined ? undefined : this.#shape.binary(form);
  }
}

function decoded(bytes: Buffer, start: number, end: number, encoding: TextEncoding): string | undefined {
  return encoding.utf8 ? bytes.toString("utf8", start, end) : encoding.decode(bytes.subarray(start, end));
}

/** Of texts that are not ASCII, only UTF-8 can be written. */
function writable(text: string | undefined, { utf8 }: TextEncoding): string | undefined {
  return text === undefined || utf8 || isAscii(Buffer.from(text, "utf8")) ? text : undefined;
}
