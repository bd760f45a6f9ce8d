/** A relation's column, as RowDescription tells of it: object id and `attnum`, which is 0 for the whole row. */
export interface Origin {
  readonly relation: number;
  readonly column: number;
}

/** What RowDescription says of a column that is computed. */
export const NOWHERE: Origin = { relation: 0, column: 0 };

/** A column of what a statement gives, in the order of RowDescription. */
export interface OutputColumn {
  readonly name: string;
  /** The stored columns that its value depends on, as `schema.table.column`, sorted. */
  readonly from: readonly string[];
  /** It is the value of one stored column as it stands: renamed or handed on, but not computed with. */
  readonly exact: boolean;
  /** Object id of its type, where the catalog tells; of a domain's, the type below. The answer of a COPY has none. */
  readonly type?: number;
  /** What the server may say that it is; NOWHERE alone where absent. Another word means another catalog. */
  readonly origins?: readonly Origin[];
}

/** Values that a statement puts somewhere else than into its answer. */
export interface Flow {
  readonly from: readonly string[];
  /** In words for a person: `table public.copies`, `a file on the server`, `the setting my.value`. */
  readonly to: string;
}

/** Where the values of one statement come from, and where they go. Columns are stored ones, as `schema.table.column`. */
export interface StatementLineage {
  /** Absent where it gives no rows. */
  readonly outputs?: readonly OutputColumn[];
  /** Columns whose values decide which rows there are, in which order, or how they are grouped. */
  readonly predicates: readonly string[];
  /** Columns whose values decide whether it fails; absent where there are none. */
  readonly failing?: readonly string[];
  /** Every column that it reads, for whatever use. */
  readonly reads: readonly string[];
  /** Columns that the views in it read beside, for what nobody has asked for: an error may quote them. */
  readonly computed?: readonly string[];
  /** Every column that it changes. */
  readonly writes: readonly string[];
  readonly flows: readonly Flow[];
  /**
   * It is an EXECUTE or a FETCH: it gives what something gives that it runs by its name, and does what that does. What
   * that is, only the session knows, which puts its lineage in this one's place; `gaps` are those of the rest.
   */
  readonly byName?: true;
  /**
   * It changes a relation with triggers, or builds something anew by expressions that its owner has written: what those
   * say, in errors and notices, may be of any column.
   */
  readonly triggers?: true;
  /** Which parts were not understood, each in words for a person; empty where all were. */
  readonly gaps: readonly string[];
}

/** Of each statement of a text, in order. */
export type Lineage = readonly StatementLineage[];
