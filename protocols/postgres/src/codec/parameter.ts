import type { BindParameter } from "./bind.ts";
import { type Decode, decodeUtf8 } from "./name.ts";

/** Types whose binary form is their text (pg_type.dat): char, name, text, json, xml, unknown, bpchar, varchar. */
const TEXTUAL: ReadonlySet<number> = new Set([18, 19, 25, 114, 142, 705, 1042, 1043]);

/** Microseconds from the Unix epoch to PostgreSQL's, which is the beginning of the year 2000. */
const EPOCH = 946_684_800_000_000n;
const DAY = 86_400_000_000n;
const MILLISECOND = 1000n;

/** One binary form: the type's object id, its length in bytes (undefined where it varies), and how it is read. */
interface BinaryForm {
  readonly length?: number;
  readonly read: (value: Buffer) => string | undefined;
}

/** What is not read here has its hexadecimal form: a rule that compares sees that it is no text. */
const BINARY: ReadonlyMap<number, BinaryForm> = new Map<number, BinaryForm>([
  [16, { length: 1, read: (value) => (value[0] === 0 ? "false" : "true") }],
  [20, { length: 8, read: (value) => String(value.readBigInt64BE(0)) }],
  [21, { length: 2, read: (value) => String(value.readInt16BE(0)) }],
  [23, { length: 4, read: (value) => String(value.readInt32BE(0)) }],
  [26, { length: 4, read: (value) => String(value.readUInt32BE(0)) }],
  [700, { length: 4, read: (value) => floating(value.readFloatBE(0), 6) }],
  [701, { length: 8, read: (value) => floating(value.readDoubleBE(0), 15) }],
  [1082, { length: 4, read: (value) => moment(BigInt(value.readInt32BE(0)) * DAY)?.slice(0, 10) }],
  [1083, { length: 8, read: (value) => timeOfDay(value.readBigInt64BE(0)) }],
  [1114, { length: 8, read: (value) => moment(value.readBigInt64BE(0)) }],
  [1184, { length: 8, read: (value) => withZone(moment(value.readBigInt64BE(0))) }],
  [1700, { read: numeric }],
  [2950, { length: 16, read: uuid }],
  // jsonb: a version byte, then the text.
  [3802, { read: (value) => (value[0] === 1 ? value.toString("utf8", 1) : undefined) }],
]);

/**
 * A parameter as text, for rules and for the audit log, as PostgreSQL would write it; `decode` reads what was sent as text. A binary value of a type that is
 * not known is written as bytea is: `\x` and its bytes in hexadecimal.
 */
export function parameterText(
  { binary, value }: BindParameter,
  type: number,
  decode: Decode = decodeUtf8,
): string | null {
  if (value === null) return null;
  // What is no text, the server refuses; one that was cut short may end inside of a character.
  if (!binary || TEXTUAL.has(type)) return decode(value) ?? value.toString("utf8");
  const form = BINARY.get(type);
  const fits = form !== undefined && (form.length === undefined || form.length === value.length);
  return (fits ? form.read(value) : undefined) ?? `\\x${value.toString("hex")}`;
}

/**
 * The fewest digits that are this number again, and an exponent where float4out and float8out have one.
 * @param plainDigits up to which a number is written without an exponent
 */
function floating(value: number, plainDigits: 6 | 15): string {
  if (Object.is(value, -0)) return "-0";
  if (!Number.isFinite(value)) return String(value);
  let scientific = value.toExponential();
  for (let digits = 0; plainDigits === 6 && digits < 9; digits++) {
    scientific = value.toExponential(digits);
    if (Math.fround(Number(scientific)) === value) break;
  }
  const [mantissa = "", power = ""] = scientific.split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < plainDigits) return String(Number(scientific));
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** Microseconds since 2000-01-01; undefined for infinity, and for years that Date does not reach. */
function moment(microseconds: bigint): string | undefined {
  const since = microseconds + EPOCH;
  const milliseconds = since / MILLISECOND - (since % MILLISECOND < 0n ? 1n : 0n);
  const date = new Date(Number(milliseconds));
  const year = Number.isNaN(date.getTime()) ? 0 : date.getUTCFullYear();
  if (year < 1 || year > 9999) return undefined;
  return (
    date.toISOString().slice(0, 19).replace("T", " ") + fraction(since - milliseconds * MILLISECOND, date)
  );
}

function fraction(microseconds: bigint, date: Date): string {
  const all = BigInt(date.getUTCMilliseconds()) * MILLISECOND + microseconds;
  return all === 0n ? "" : `.${String(all).padStart(6, "0").replace(/0+$/, "")}`;
}

function withZone(text: string | undefined): string | undefined {
  return text === undefined ? undefined : `${text}+00`;
}

function timeOfDay(microseconds: bigint): string | undefined {
  if (microseconds < 0n || microseconds >= DAY) return undefined;
  return moment(microseconds)?.slice(11);
}

function uuid(value: Buffer): string {
  return value.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const NEGATIVE = 0x4000;
const NOT_A_NUMBER = 0xc000;
/** As many as numeric(1000) can have; more is nobody's number. */
const MAX_DIGITS = 1000;

/*
 * numeric_send: Int16 number of digits, Int16 weight of the first, Int16 sign, Int16 digits behind the point that are
 * shown, and the digits, each an Int16 to base 10,000.
 */
function numeric(value: Buffer): string | undefined {
  if (value.length < 8) return undefined;
  const count = value.readUInt16BE(0);
  const weight = value.readInt16BE(2);
  const sign = value.readUInt16BE(4);
  const scale = value.readUInt16BE(6);
  if (sign === NOT_A_NUMBER) return "NaN";
  if (sign !== 0 && sign !== NEGATIVE) return undefined;
  if (value.length !== 8 + 2 * count || Math.max(weight, 0) * 4 + scale > MAX_DIGITS) return undefined;
  for (let index = 0; index < count; index++) if (value.readUInt16BE(8 + 2 * index) > 9999) return undefined;
  const group = (index: number) => {
    const digits = index < 0 || index >= count ? 0 : value.readUInt16BE(8 + 2 * index);
    return String(digits).padStart(4, "0");
  };
  let whole = "";
  for (let index = 0; index <= weight; index++) whole += group(index);
  let behind = "";
  for (let index = weight + 1; behind.length < scale; index++) behind += group(index);
  const text = whole.replace(/^0+(?=\d)/, "") || "0";
  return `${sign === NEGATIVE && count > 0 ? "-" : ""}${text}${scale === 0 ? "" : `.${behind.slice(0, scale)}`}`;
}
