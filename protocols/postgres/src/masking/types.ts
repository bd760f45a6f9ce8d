import { hash } from "node:crypto";
import type { Transform } from "@gatehouse/core";
import { truncated } from "../analysis/search-path.ts";
import { encodeNumeric } from "../codec/numeric.ts";
import { parameterText } from "../codec/parameter.ts";

/*
 * What a masked value may be, by its type, so that every client can read it as one of that type. Where a transform does
 * not serve a type, and the lineage tells the type, the statement was refused (`plan.ts`); otherwise the value becomes:
 *
 *   type                  redact                  constant        hash                     partial
 *   text, varchar,        the transform's text    its text        its text                 its text
 *   bpchar, name, "char"
 *   json, jsonb           the text as a string    JSON            the text as a string     as redact
 *   uuid                  the nil uuid            a uuid          one made of the hash     as redact
 *   bytea                 the text's bytes        its bytes       as redact                as redact
 *   int4, int8, numeric   NULL                    a number        one made of the hash     NULL
 *   int2, float4, float8  NULL                    a number        NULL                     NULL
 *   bool, date            NULL                    a value         NULL                     NULL
 *   arrays of these       one redacted element;   as redact       each element             each element (of text)
 *                         NULL where it is NULL
 *   anything else         NULL                    NULL            NULL                     NULL
 *
 * No number, date or truth value could be told from data, and not every driver takes a NaN or an infinite date: so NULL.
 * A text that is longer than varchar(n), bpchar(n) or a name can be is cut; of a hash, as much is left as there is room for.
 */

export type Kind = "redact" | "constant" | "hash" | "partial";

/** How values of one type are read, made and written. */
export interface MaskedType {
  /** Its binary form is its text. */
  readonly textual: boolean;
  /** The transforms that leave what they promise. The others redact. */
  readonly serves: ReadonlySet<Kind>;
  /** Whether a constant is a value of it. */
  accepts(constant: string): boolean;
  /**
   * The type's text form of what a transform gave; undefined where nothing of the type is that, which is NULL then.
   * @param modifier as RowDescription has it
   */
  form(text: string, kind: Kind, modifier: number): string | undefined;
  /** A text form as the binary one. */
  binary(form: string): Buffer;
}

const TEXT = 25;
const VARCHAR = 1043;
const BPCHAR = 1042;
const NAME = 19;
const CHAR = 18;

const TEXT_KINDS: ReadonlySet<Kind> = new Set(["redact", "constant", "hash", "partial"]);
const DATA_KINDS: ReadonlySet<Kind> = new Set(["redact", "constant", "hash"]);
const CONSTANT_ONLY: ReadonlySet<Kind> = new Set(["redact", "constant"]);

const utf8 = (form: string) => Buffer.from(form, "utf8");

function textual(fit: (text: string, modifier: number) => string): MaskedType {
  return {
    textual: true,
    serves: TEXT_KINDS,
    accepts: () => true,
    form(text, kind, modifier) {
      const fitting = fit(text, modifier);
      // Cut, all hashes would begin alike.
      return kind !== "hash" || fitting.startsWith(text) ? fitting : fit(dense(text), modifier);
    },
    binary: utf8,
  };
}

/** A hash without its brackets, in digits and letters: five bits a character. */
function dense(hashed: string): string {
  return BigInt(`0x${hash("sha256", hashed, "hex")}`)
    .toString(36)
    .slice(-DENSE);
}

/** The last characters: the first of a number are not all alike. */
const DENSE = 40;

/** The modifier of varchar(n) and bpchar(n) is n + 4; without n it is -1. */
function cut(text: string, modifier: number): string {
  const most = modifier - 4;
  return most < 1 || text.length <= most ? text : Array.from(text).slice(0, most).join("");
}

function padded(text: string, modifier: number): string {
  const fitting = cut(text, modifier);
  const length = fitting.length > modifier - 4 ? fitting.length : Array.from(fitting).length;
  return fitting + " ".repeat(Math.max(0, modifier - 4 - length));
}

function json(binary: (form: string) => Buffer): MaskedType {
  return {
    textual: false,
    serves: DATA_KINDS,
    // What is no JSON is a string.
    accepts: () => true,
    form: (text, kind) => (kind === "constant" && isJson(text) ? text : JSON.stringify(text)),
    binary,
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const NIL = "00000000-0000-0000-0000-000000000000";

/** RFC 9562, section 5.8: version 8, for what its maker decides. */
function uuidOf(text: string): string {
  const digits = hash("sha256", text, "hex");
  const variant = "89ab"[Number.parseInt(digits[16] ?? "0", 16) & 3] ?? "8";
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join("-");
}

function isUuid(text: string): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text);
}

const uuid: MaskedType = {
  textual: false,
  serves: DATA_KINDS,
  accepts: isUuid,
  form(text, kind) {
    if (kind === "hash") return uuidOf(text);
    return kind === "constant" && isUuid(text) ? text.toLowerCase() : NIL;
  },
  binary: (form) => Buffer.from(form.replaceAll("-", ""), "hex"),
};

const bytea: MaskedType = {
  textual: false,
  serves: CONSTANT_ONLY,
  accepts: () => true,
  form: (text) => `\\x${utf8(text).toString("hex")}`,
  binary: (form) => Buffer.from(form.slice(2), "hex"),
};

/**
 * @param bits of a number that is made of a hash; none where too few are left for different values to stay different.
 * 53 at the most: JavaScript's clients read no more.
 */
function numbers(
  isOne: (text: string) => boolean,
  binary: (form: string) => Buffer,
  bits: number | undefined,
): MaskedType {
  return {
    textual: false,
    serves: bits === undefined ? CONSTANT_ONLY : DATA_KINDS,
    accepts: isOne,
    form(text, kind) {
      if (kind === "hash" && bits !== undefined) {
        return String(BigInt(`0x${hash("sha256", text, "hex")}`) >> BigInt(256 - bits));
      }
      return kind === "constant" && isOne(text) ? text : undefined;
    },
    binary,
  };
}

function integer(bytes: 2 | 4 | 8, bits: number | undefined): MaskedType {
  const most = 2n ** BigInt(bytes * 8 - 1) - 1n;
  return numbers(
    (text) => /^(0|-?[1-9]\d{0,18})$/.test(text) && BigInt(text) <= most && BigInt(text) >= -most - 1n,
    (form) => {
      const value = Buffer.alloc(8);
      value.writeBigInt64BE(BigInt(form));
      return value.subarray(8 - bytes);
    },
    bits,
  );
}

function floating(bytes: 4 | 8): MaskedType {
  const round = bytes === 4 ? Math.fround : Number;
  return numbers(
    (text) => /^-?\d{1,15}(\.\d{1,15})?$/.test(text) && Number.isFinite(round(Number(text))),
    (form) => {
      const value = Buffer.alloc(bytes);
      if (bytes === 4) value.writeFloatBE(Number(form));
      else value.writeDoubleBE(Number(form));
      return value;
    },
    undefined,
  );
}

const isDecimal = (text: string) => /^-?(0|[1-9]\d{0,99})(\.\d{1,100})?$/.test(text);

const isBool = (text: string) => text === "true" || text === "false";

const bool: MaskedType = {
  textual: false,
  serves: CONSTANT_ONLY,
  accepts: isBool,
  form: (text, kind) => (kind === "constant" && isBool(text) ? text.slice(0, 1) : undefined),
  binary: (form) => Buffer.from([form === "t" ? 1 : 0]),
};

const DAY = 86_400_000;
/** The first day that PostgreSQL counts from. */
const FIRST_DAY = Date.UTC(2000, 0, 1);

const date: MaskedType = {
  textual: false,
  serves: CONSTANT_ONLY,
  accepts: isDate,
  form: (text, kind) => (kind === "constant" && isDate(text) ? text : undefined),
  binary(form) {
    const days = Buffer.alloc(4);
    days.writeInt32BE((Date.parse(form) - FIRST_DAY) / DAY);
    return days;
  },
};

function isDate(text: string): boolean {
  if (!/^(?!0000)\d{4}-\d\d-\d\d$/.test(text)) return false;
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** By object id (pg_type.dat). */
const TYPES: ReadonlyMap<number, MaskedType> = new Map([
  [TEXT, textual((text) => text)],
  [VARCHAR, textual(cut)],
  [BPCHAR, textual(padded)],
  [NAME, textual(truncated)],
  // One byte; another's first letter is as little as a star.
  [CHAR, textual((text) => (/^[!-~]/.test(text) ? text.slice(0, 1) : "*"))],
  [114, json(utf8)],
  [3802, json((form) => Buffer.concat([Buffer.from([1]), utf8(form)]))],
  [2950, uuid],
  [17, bytea],
  [21, integer(2, undefined)],
  [23, integer(4, 31)],
  [20, integer(8, 53)],
  [1700, numbers(isDecimal, encodeNumeric, 53)],
  [700, floating(4)],
  [701, floating(8)],
  [16, bool],
  [1082, date],
]);

/** Array types, and the types of their elements. */
const ELEMENTS: ReadonlyMap<number, number> = new Map([
  [1009, TEXT],
  [1015, VARCHAR],
  [1014, BPCHAR],
  [1003, NAME],
  [1002, CHAR],
  [199, 114],
  [3807, 3802],
  [2951, 2950],
  [1001, 17],
  [1005, 21],
  [1007, 23],
  [1016, 20],
  [1231, 1700],
  [1021, 700],
  [1022, 701],
  [1000, 16],
  [1182, 1082],
]);

/** How values of a type are masked; undefined where all that can be put there is NULL. */
export function maskedType(type: number): MaskedType | undefined {
  return TYPES.get(type);
}

/** How long an ASCII text may be to be a value of the type as it is, and to be read as it stands; 0 where none is. */
export function mostBytes(type: number, modifier: number): number {
  if (type === TEXT) return Number.POSITIVE_INFINITY;
  if (type !== VARCHAR) return 0;
  return modifier < 5 ? Number.POSITIVE_INFINITY : modifier - 4;
}

/** Of an array's type, that of its elements. */
export function elementType(type: number): number | undefined {
  return ELEMENTS.get(type);
}

/**
 * Whether a transform leaves of a type's values what it promises, and does not have to redact them.
 * @param type of a domain, the type below
 */
export function serves(transform: Transform, type: number): boolean {
  const { kind } = transform;
  if (kind === "null" || kind === "redact") return true;
  const element = ELEMENTS.get(type);
  const shape = TYPES.get(element ?? type);
  if (!shape?.serves.has(kind)) return false;
  return kind !== "constant" || (element === undefined && shape.accepts(transform.value));
}

/** A value as text, for a transform to look at: the same for the same value, in whichever form it came. */
export function plainText(text: string, type: number): string {
  // bpchar's blanks at the end mean nothing, and neither do a number's zeros behind the point.
  if (type === BPCHAR) return withoutEnd(text, " ");
  if (type !== 1700 || !text.includes(".")) return text;
  const shortest = withoutEnd(text, "0");
  return shortest.endsWith(".") ? shortest.slice(0, -1) : shortest;
}

/** In one pass, whatever stands before. */
function withoutEnd(text: string, character: string): string {
  let end = text.length;
  while (text[end - 1] === character) end--;
  return text.slice(0, end);
}

/** A binary value of a type whose binary form is not its text, as text. */
export function binaryText(value: Buffer, type: number): string {
  if (type === 3802) return value.toString("utf8", 1);
  return parameterText({ binary: true, value }, type) ?? "";
}
