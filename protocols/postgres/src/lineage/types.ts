import { asList, namesIn, asNode } from "../analysis/node.ts";
import type { NamedType } from "../catalog/catalog.ts";
import type { Trace } from "./trace.ts";
import { derived, type Shape, type Value } from "./values.ts";

/** FirstGenbkiObjectId: below are the types that PostgreSQL's own list names; above, rows and arrays of its own catalogs. */
const FIRST_UNLISTED = 10_000;
/** Rows, arrays of rows, and tsvector, which unnest takes apart, too (pg_type.dat). */
const NOT_SINGLE: ReadonlySet<number> = new Set([71, 75, 81, 83, 210, 270, 272, 273, 2249, 2287, 3614]);

/** The type that a cast names, where somebody has made it. */
export function castType(typeName: unknown, trace: Trace): number | undefined {
  const type = ownType(typeName, trace);
  if (!type) return undefined;
  trace.types.add(type.id);
  return isArray(typeName) ? undefined : type.id;
}

/** Whether a cast to this may give a row, or an array of rows. */
export function mayNameRows(typeName: unknown, trace: Trace): boolean {
  const last = namesIn({ TypeName: typeName }).at(-1) ?? "";
  if (last === "record" || last === "tsvector" || last.startsWith("_")) return true;
  const type = ownType(typeName, trace);
  return type !== undefined && isRows(type);
}

/** Whether a value of this type may be a row, or an array of rows. */
export function mayHoldRows(id: number, { surroundings: { catalog } }: Trace): boolean {
  const type = catalog.type(id);
  return type ? isRows(type) : id >= FIRST_UNLISTED || NOT_SINGLE.has(id);
}

/** The fields of a value that is a row by its type: each depends on the whole of it. */
export function compositeShape({ type, sources }: Value, trace: Trace): Shape | undefined {
  if (type === undefined) return undefined;
  const { catalog } = trace.surroundings;
  const known = catalog.type(catalog.typeBelow(type));
  const relation = known?.relation === undefined ? undefined : catalog.relationById(known.relation);
  if (!relation) return undefined;
  trace.step(relation.columns.length);
  return {
    fields: relation.columns.map(({ name, type }) => ({ name, value: { ...derived(sources), type } })),
  };
}

/** What a subscript takes out of an array. */
export function elementOf({ type, sources }: Value, slice: boolean, trace: Trace): Value {
  const element = type === undefined ? undefined : trace.surroundings.catalog.type(type)?.element;
  const left = slice ? type : element;
  return { ...derived(sources), ...(left === undefined ? {} : { type: left }) };
}

function isRows({ kind, element }: NamedType): boolean {
  return kind === "composite" || kind === "domain" || (kind === "base" && element !== undefined);
}

function isArray(typeName: unknown): boolean {
  return asList(asNode(typeName)?.["arrayBounds"]).length > 0;
}

function ownType(typeName: unknown, { surroundings: { catalog, path } }: Trace): NamedType | undefined {
  const names = namesIn({ TypeName: typeName });
  const schemas = names.length > 1 ? names.slice(-2, -1) : path;
  const found = catalog.typesNamed(names.at(-1) ?? "");
  for (const schema of schemas) {
    const type = found.find((one) => one.schema === schema);
    if (type) return type;
  }
  return undefined;
}
