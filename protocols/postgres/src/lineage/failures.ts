import { asList, asText, type Node, namesIn } from "../analysis/node.ts";
import { functionName, referenced, unwrapped } from "./references.ts";
import { mayBeRow } from "./row-values.ts";
import type { Scope } from "./scope.ts";
import type { Trace } from "./trace.ts";
import type { Value } from "./values.ts";

/*
 * What may fail tells by failing: 1/(length(x) - 28) has an error, or none. So it is listed here what fails for no value,
 * and the rest is held to fail. Some of it rests on types: arrays fail where their dimensions don't fit, and JSON where
 * it is of another kind. Left aside are values that are too large for any memory, and decimal numbers that no float can
 * be (1e400) beside a float.
 */

/** They compare. Not LIKE: a pattern that ends with its escape fails where the text has come as far as that. */
const COMPARISONS: ReadonlySet<string> = new Set(["=", "<>", "!=", "<", "<=", ">", ">="]);

/** They take a part out of jsonb, or nothing; out of json also what is no text. */
const TAKES_OUT: ReadonlySet<string> = new Set(["->", "->>", "#>", "#>>"]);

/** Of all that they are given; their results are no arrays and no JSON. */
const SAFE: ReadonlySet<string> = new Set([
  ...["lower", "upper", "initcap", "char_length", "character_length", "octet_length", "bit_length"],
  ...["btrim", "ltrim", "rtrim", "replace", "reverse", "left", "right", "strpos", "starts_with", "concat"],
  ...["concat_ws", "md5", "sha224", "sha256", "sha384", "sha512", "quote_literal", "quote_nullable"],
  ...[
    "count",
    "string_agg",
    "bool_and",
    "bool_or",
    "every",
    "cardinality",
    "array_length",
    "array_to_string",
  ],
  ...["jsonb_typeof", "jsonb_pretty", "host", "family", "pg_typeof", "pg_column_size", "to_hex"],
  ...["floor", "ceil", "ceiling", "sign"],
]);

/** As well, but what they give is as their argument is, or JSON. */
const SAFE_AS_GIVEN: ReadonlySet<string> = new Set([
  ...["any_value", "first_value", "last_value", "lag", "lead"],
  ...["to_json", "row_to_json", "json_agg", "json_build_array", "array_to_json"],
]);

/** Of what is no array and no JSON. */
const SAFE_OF_PLAIN: ReadonlySet<string> = new Set(["array_agg"]);
/** They make jsonb of anything but json, which may hold what is no text. */
const TO_JSONB: ReadonlySet<string> = new Set(["to_jsonb", "jsonb_agg", "jsonb_build_array"]);

/** Where every second one is a key, which must not be NULL. */
const KEYED: ReadonlySet<string> = new Set(["json_build_object", "jsonb_build_object"]);
/** Of whole and decimal numbers: their results have room for more. */
const SUMS: ReadonlySet<string> = new Set(["sum", "avg"]);

/** pg_type.dat: int8, int2, int4, numeric. */
const SUMMED: ReadonlySet<number> = new Set([20, 21, 23, 1700]);
/** The same with bool, bytea, char, name, text, oid, float4, float8, bpchar, varchar, dates and times, bits, uuid, addresses. */
const PLAIN: ReadonlySet<number> = new Set([
  ...SUMMED,
  ...[16, 17, 18, 19, 25, 26, 700, 701, 790, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266, 1560, 1562],
  ...[650, 774, 829, 869, 2950],
]);
const JSONB = 3802;
/** With jsonb, and arrays of most of these. */
const INTO_JSONB: ReadonlySet<number> = new Set([
  ...PLAIN,
  ...[JSONB, 3807, 1000, 1001, 1002, 1003, 1005, 1007, 1009, 1014, 1015, 1016, 1021, 1022, 1115, 1182, 1185],
  ...[1231, 2951],
]);
/** Every value can be written as one. */
const TEXTS: ReadonlySet<string> = new Set(["text", "varchar", "bpchar", "name"]);

/** @param body of an A_Expr: whether computing it may fail, by the values of what stands in it */
export function operatorMayFail(body: Node, scope: Scope, trace: Trace): boolean {
  if (/LIKE|SIMILAR/.test(asText(body["kind"]) ?? "")) return true;
  const name = namesIn({ List: { items: body["name"] } }).at(-1) ?? "";
  if (name === "||") return !isPlain(body["lexpr"], scope, trace) || !isPlain(body["rexpr"], scope, trace);
  if (TAKES_OUT.has(name)) return !isJsonb(body["lexpr"], scope, trace);
  // BETWEEN has its own words for what compares.
  if (!COMPARISONS.has(name) && !/BETWEEN/.test(name)) return true;
  return [body["lexpr"], body["rexpr"]].some((side) => mayBeStoredRow(side, scope, trace));
}

/** Operands of which the second is not computed where the first one says enough: (a, b) = (c, d), IN, BETWEEN. */
export function stopsEarly(body: Node): boolean {
  const sides = [body["lexpr"], body["rexpr"]];
  return (
    /IN$|BETWEEN/.test(asText(body["kind"]) ?? "") || sides.some((side) => unwrapped(side)[0] === "RowExpr")
  );
}

/** @param body of a FuncCall */
export function callMayFail(body: Node, scope: Scope, trace: Trace): boolean {
  const name = functionName(body).at(-1) ?? "";
  const args = asList(body["args"]);
  if (!["", "pg_catalog"].includes(functionName(body).at(-2) ?? "")) return true;
  if (/^(min|max)$/.test(name)) return args.some((arg) => mayBeStoredRow(arg, scope, trace));
  if (SAFE.has(name) || SAFE_AS_GIVEN.has(name)) return false;
  // Of bytes, it takes the name of an encoding, too.
  if (name === "length") return args.length > 1;
  if (SAFE_OF_PLAIN.has(name)) return !args.every((arg) => isPlain(arg, scope, trace));
  if (SUMS.has(name)) return !args.every((arg) => SUMMED.has(typeOf(arg, scope, trace) ?? 0));
  const json = (arg: unknown) => isPlain(arg, scope, trace, INTO_JSONB);
  if (TO_JSONB.has(name)) return !args.every(json);
  if (!KEYED.has(name)) return true;
  return !args.every((arg, i) => {
    return i % 2 === 0 ? unwrapped(arg)[0] === "A_Const" : name === "json_build_object" || json(arg);
  });
}

/** @param body of a TypeCast to a type of PostgreSQL's own */
export function castMayFail(body: Node): boolean {
  // A literal is read when the statement is, whatever becomes of it.
  if (unwrapped(body["arg"])[0] === "A_Const") return false;
  const [, type] = unwrapped({ TypeName: body["typeName"] });
  const names = asList(type["names"]).flatMap(namesIn);
  const own = names.length === 1 || names.at(-2) === "pg_catalog";
  return !own || asList(type["arrayBounds"]).length > 0 || !TEXTS.has(names.at(-1) ?? "");
}

/**
 * Surely no array and no JSON, or not by a stored value; or a row of such.
 * @param types that stored ones may have
 */
export function isPlain(node: unknown, scope: Scope, trace: Trace, types = PLAIN): boolean {
  return trace.deeper(() => {
    const [kind, body] = unwrapped(node);
    switch (kind) {
      case "A_Const":
      case "ParamRef":
      case "SQLValueFunction":
      case "BoolExpr":
      case "NullTest":
        return true;
      case "ColumnRef":
        return isOf(types, referenced(body, scope, trace));
      // What its own operands are is seen where it is computed.
      case "A_Expr":
        return !/^[-#]>$/.test(namesIn({ List: { items: body["name"] } }).at(-1) ?? "");
      case "TypeCast":
        return !castMayFail(body);
      case "CollateClause":
        return isPlain(body["arg"], scope, trace, types);
      case "FuncCall": {
        const name = functionName(body).at(-1) ?? "";
        return SAFE.has(name) || SUMS.has(name) || name === "length";
      }
      case "CoalesceExpr":
      case "MinMaxExpr":
        return asList(body["args"]).every((arg) => isPlain(arg, scope, trace, types));
      default:
        return false;
    }
  });
}

/** Of a stored value's type. */
export function isPlainType(type: number | undefined): boolean {
  return type !== undefined && PLAIN.has(type);
}

/** Rows that are compared fail at the first column that has no order, and may not come as far. */
export function mayBeStoredRow(node: unknown, scope: Scope, trace: Trace): boolean {
  const [kind, body] = unwrapped(node);
  // Behind IN and BETWEEN.
  if (kind === "List") return asList(body["items"]).some((item) => mayBeStoredRow(item, scope, trace));
  return kind !== "RowExpr" && mayBeRow(node, scope, trace);
}

function isOf(types: ReadonlySet<number>, { type = 0, row }: Value): boolean {
  if (!row) return types.has(type);
  return row.rest === undefined && row.fields.every(({ value }) => types.has(value.type ?? 0));
}

function isJsonb(node: unknown, scope: Scope, trace: Trace): boolean {
  return trace.deeper(() => {
    const [kind, body] = unwrapped(node);
    if (kind !== "A_Expr") return typeOf(node, scope, trace) === JSONB;
    const name = namesIn({ List: { items: body["name"] } }).at(-1) ?? "";
    return /^[-#]>$/.test(name) && isJsonb(body["lexpr"], scope, trace);
  });
}

function typeOf(node: unknown, scope: Scope, trace: Trace): number | undefined {
  const [kind, body] = unwrapped(node);
  return kind === "ColumnRef" ? referenced(body, scope, trace).type : undefined;
}
