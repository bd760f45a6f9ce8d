import type { BindParameter } from "./bind.ts";

/* Object ids of pg_type.dat whose binary form is read here. */
const BOOL = 16;
const INT8 = 20;
const INT2 = 21;
const INT4 = 23;
const FLOAT4 = 700;
const FLOAT8 = 701;
const UUID = 2950;
/** Types whose binary form is their text: char, name, text, unknown, bpchar, varchar; 0 is one not given. */
const TEXTUAL: ReadonlySet<number> = new Set([18, 19, 25, 705, 1042, 1043]);

/**
 * A parameter as text, for rules and for the audit log. A binary value of a type that is not known is
 * written as bytea is: `\x` and its bytes in hexadecimal.
 */
export function parameterText({ binary, value }: BindParameter, type: number): string | null {
  if (value === null) return null;
  if (!binary || TEXTUAL.has(type)) return value.toString("utf8");
  switch (`${type}:${value.length}`) {
    case `${BOOL}:1`:
      return value[0] === 0 ? "false" : "true";
    case `${INT2}:2`:
      return String(value.readInt16BE(0));
    case `${INT4}:4`:
      return String(value.readInt32BE(0));
    case `${INT8}:8`:
      return String(value.readBigInt64BE(0));
    case `${FLOAT4}:4`:
      return String(value.readFloatBE(0));
    case `${FLOAT8}:8`:
      return String(value.readDoubleBE(0));
    case `${UUID}:16`:
      return value.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
    default:
      return `\\x${value.toString("hex")}`;
  }
}
