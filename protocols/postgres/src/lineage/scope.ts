import type { Trace } from "./trace.ts";
import { CLEAN, derived, type Field, type Shape, type Sources, type Value } from "./values.ts";

/** What FROM has put into a query's namespace. */
export interface Item {
  /** What its columns may be qualified with. */
  readonly name?: string | undefined;
  /** Of a relation without an alias. */
  readonly schema?: string | undefined;
  readonly shape: Shape;
  /** Its columns are found without its name: not those of a JOIN's sides, which the JOIN itself shows. */
  readonly columns: boolean;
  /** It is a table, with ctid and the like. */
  readonly stored?: boolean;
  /** Object id of the table or view that it is. */
  readonly relation?: number | undefined;
}

/** What the names of an expression are looked for in, from the innermost query outwards. */
export interface Scope {
  readonly items: readonly Item[];
  /** What WITH names here. */
  readonly ctes?: ReadonlyMap<string, () => Shape>;
  /** What WINDOW names here: what the rows are divided and ordered by. */
  readonly windows?: ReadonlyMap<string, Sources>;
  readonly outer?: Scope | undefined;
}

export const EMPTY_SCOPE: Scope = { items: [] };

/** Columns that every table has, and that hold nothing of anybody's (attribute numbers below zero). */
const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(["ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"]);

/** A column that is named alone. Where several have the name, which PostgreSQL refuses, all of them together. */
export function columnOf(scope: Scope, name: string, trace: Trace): Value | undefined {
  const unknown: Sources[] = [];
  for (let level: Scope | undefined = scope; level; level = level.outer) {
    const found = localColumn(level, name, trace);
    if (found && unknown.length === 0) return found;
    if (found) return derived(trace.union([found.sources, ...unknown]));
    for (const { columns, shape } of level.items) if (columns && shape.rest) unknown.push(shape.rest);
  }
  if (unknown.length > 0) return derived(trace.union(unknown));
  return SYSTEM_COLUMNS.has(name) && hasTable(scope) ? CLEAN : undefined;
}

/** The same, in the innermost query alone. */
export function localColumn({ items }: Scope, name: string, trace: Trace): Value | undefined {
  const found = items.flatMap(({ columns, shape }) => (columns ? valuesOf(shape, name, trace) : []));
  return together(found, trace);
}

/** A column of what stands in FROM under a name. */
export function columnOfItem({ shape, stored }: Item, name: string, trace: Trace): Value | undefined {
  const found = fieldOf(shape, name, trace);
  if (found) return found;
  return stored === true && SYSTEM_COLUMNS.has(name) ? CLEAN : undefined;
}

/** A column of a shape; where not all of its columns are known, it may be one of those. */
export function fieldOf(shape: Shape, name: string, trace: Trace): Value | undefined {
  const found = together(valuesOf(shape, name, trace), trace);
  return found ?? (shape.rest && derived(shape.rest));
}

export function itemOf(
  scope: Scope,
  schema: string | undefined,
  name: string,
  trace: Trace,
): Item | undefined {
  for (let level: Scope | undefined = scope; level; level = level.outer) {
    trace.step(level.items.length);
    const found = level.items.find(
      (item) => item.name === name && (schema === undefined || item.schema === schema),
    );
    if (found) return found;
  }
  return undefined;
}

/** What WITH gives this name. */
export function cteOf(scope: Scope, name: string): (() => Shape) | undefined {
  for (let level: Scope | undefined = scope; level; level = level.outer) {
    const found = level.ctes?.get(name);
    if (found) return found;
  }
  return undefined;
}

export function windowOf(scope: Scope, name: string): Sources | undefined {
  return scope.windows?.get(name);
}

/** A row, as a value. */
export function rowOf(shape: Shape, trace: Trace): Value {
  return { sources: trace.all(shape), exact: false, row: shape };
}

/** The row of an item. */
export function rowOfItem({ shape, relation }: Item, trace: Trace): Value {
  const row = rowOf(shape, trace);
  return relation === undefined ? row : { ...row, origins: [{ relation, column: 0 }] };
}

const byName = new WeakMap<readonly Field[], ReadonlyMap<string, readonly Value[]>>();

function valuesOf({ fields }: Shape, name: string, trace: Trace): readonly Value[] {
  let known = byName.get(fields);
  if (known === undefined) {
    const gathered = new Map<string, Value[]>();
    for (const field of fields) {
      const same = gathered.get(field.name);
      if (same) same.push(field.value);
      else gathered.set(field.name, [field.value]);
    }
    trace.step(fields.length);
    known = gathered;
    byName.set(fields, known);
  }
  trace.step();
  return known.get(name) ?? [];
}

function together(values: readonly Value[], trace: Trace): Value | undefined {
  const [first] = values;
  if (values.length < 2) return first;
  return derived(trace.union(values.map(({ sources }) => sources)));
}

function hasTable(scope: Scope): boolean {
  for (let level: Scope | undefined = scope; level; level = level.outer) {
    if (level.items.some(({ stored }) => stored === true)) return true;
  }
  return false;
}
