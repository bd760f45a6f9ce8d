import type { Relation } from "../catalog/catalog.ts";
import { dotted } from "../analysis/search-path.ts";
import { NOWHERE, type Origin } from "./lineage.ts";

/** A column of a relation, as what a value comes from. One object for each column of a catalog. */
export class StoredColumn {
  readonly relation: Relation;
  readonly column: string;
  /** It shows values of other relations' columns: nobody can say whose. */
  readonly holdsOthers: boolean;
  readonly #relatives: () => readonly Relation[];
  #names: readonly string[] | undefined;

  /** @param relatives the relations above and below by inheritance */
  constructor(
    relation: Relation,
    column: string,
    relatives: () => readonly Relation[],
    holdsOthers: boolean,
  ) {
    this.relation = relation;
    this.column = column;
    this.holdsOthers = holdsOthers;
    this.#relatives = relatives;
  }

  /** Its own name, and those that the same value has in the relations above and below. */
  get names(): readonly string[] {
    const has = ({ columns }: Relation) => columns.some(({ name }) => name === this.column);
    this.#names ??= [this.relation, ...this.#relatives().filter(has)].map(({ schema, name }) =>
      dotted([schema, name, this.column]),
    );
    return this.#names;
  }
}

export type Sources = ReadonlySet<StoredColumn>;
export const NOTHING: Sources = new Set();

/** What is known of a value: where it comes from, and as far as a field may be taken out of it, what it is. */
export interface Value {
  readonly sources: Sources;
  /** It is one stored column's value as it stands. */
  readonly exact: boolean;
  /** Object id of its type, where that is known. */
  readonly type?: number;
  /** Of a whole row: its columns. */
  readonly row?: Shape;
  /**
   * What RowDescription may say of it as a column of an answer (markTargetListOrigin): FROM hands it on from queries,
   * expressions have none.
   */
  readonly origins?: readonly Origin[];
}

export interface Field {
  readonly name: string;
  readonly value: Value;
  /** It is found by its name, and is no part of *. */
  readonly aside?: boolean;
}

/** The columns of a relation, a query, a function's rows. */
export interface Shape {
  readonly fields: readonly Field[];
  /** There are more, or others: how many, and what their names are, is not known. What they come from. */
  readonly rest?: Sources;
}

export const CLEAN: Value = { sources: NOTHING, exact: false };
export const UNKNOWN_SHAPE: Shape = { fields: [], rest: NOTHING };

/** A value that is computed. */
export function derived(sources: Sources): Value {
  return sources.size === 0 ? CLEAN : { sources, exact: false };
}

/** As it stands in an expression, which has no origin; nor have the fields that are taken out of its row. */
export function computed({ origins: _, row, ...value }: Value): Value {
  if (!row) return value;
  const fields = row.fields.map((field) => ({ ...field, value: computed(field.value) }));
  return { ...value, row: { ...row, fields } };
}

/** Of a value that the server may take as it is, or compute with: which, the types say. */
export function perhaps(...values: readonly Value[]): Pick<Value, "origins"> {
  const origins = values.flatMap((value) => value.origins ?? []);
  return origins.length === 0 ? {} : { origins: [...origins, NOWHERE] };
}

/** Whether all of a are in b. */
export function within(a: Sources, b: Sources): boolean {
  if (a === b) return true;
  for (const source of a) if (!b.has(source)) return false;
  return true;
}

export function sameSources(a: Sources, b: Sources): boolean {
  return a.size === b.size && within(a, b);
}

/** A shape by other names, the first of its columns first: AS t(a, b). */
export function renamed(shape: Shape, names: readonly string[], all: Sources): Shape {
  if (names.length === 0) return shape;
  if (shape.rest === undefined) {
    return { fields: shape.fields.map((field, i) => ({ ...field, name: names[i] ?? field.name })) };
  }
  // Which column has which name is not known.
  return { fields: names.map((name) => ({ name, value: derived(all) })), rest: all };
}

export function fieldsNamed(names: readonly string[], value: Value): Shape {
  return { fields: names.map((name) => ({ name, value })) };
}
