/** A column of a relation. */
export interface Column {
  readonly name: string;
  /** Its place in the relation, from 1 (`attnum`); RowDescription has it too. */
  readonly number: number;
  /** Object id of its type. */
  readonly type: number;
  /** Of a generated column: the numbers of the relation's columns that it may be computed from. */
  readonly generatedFrom?: readonly number[];
}

export type RelationKind =
  | "table"
  | "view"
  | "materialized view"
  | "foreign table"
  | "sequence"
  | "composite type";

/** What can be done with a relation's rows. */
export type RowEvent = "read" | "insert" | "update" | "delete" | "truncate";

/** A routine of somebody's own, named `schema.name`, that runs whenever one of these things is done. */
export interface Hook {
  readonly routine: string;
  readonly on: readonly RowEvent[];
}

/** A foreign key of another relation's: what becomes of that one's rows when those that they refer to go or change. */
export interface Referrer {
  /** Object id. */
  readonly relation: number;
  readonly onUpdate?: "update";
  readonly onDelete?: "update" | "delete";
}

/** What can stand in FROM, or has columns. Partitioned tables and partitions are tables. */
export interface Relation {
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: RelationKind;
  readonly columns: readonly Column[];
  /** Object ids of the relations that it inherits from, or is a partition of. */
  readonly parents: readonly number[];
  /**
   * The query of a view or a materialized view, with every name in it written with its schema unless that is
   * pg_catalog. Absent where it could not be had, since somebody held a lock on what it reads.
   */
  readonly definition?: string;
  /**
   * It has rules beside a view's own, or triggers beside those of foreign keys: a change of it may do more than the
   * statement says.
   */
  readonly rules: boolean;
  readonly triggers: boolean;
  /**
   * What runs without being named: behind its triggers, defaults, checks, generated columns, indexes, expressions of
   * partitions, row policies, and in a view behind its operators and casts. Of PostgreSQL's own, what is volatile.
   */
  readonly hooks?: readonly Hook[];
  readonly referrers?: readonly Referrer[];
  /** Object ids of the relations that its row policies read. */
  readonly policyReads?: readonly number[];
  /** Rows are shown by policies of the database's own (row-level security). */
  readonly rowSecurity: boolean;
}

/** A function, procedure or aggregate in any schema but pg_catalog, and of that, what somebody has added to it. */
export interface Routine {
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: "function" | "procedure" | "aggregate" | "window";
  /** As pg_get_function_identity_arguments writes them. */
  readonly arguments: string;
  /** Of an aggregate: that of what it is made of, as its volatility is. */
  readonly language: string;
  readonly volatility: "immutable" | "stable" | "volatile";
  readonly securityDefiner: boolean;
  /** Object id of the type that it returns. */
  readonly returns: number;
  readonly returnsSet: boolean;
}

/** A type in any schema but pg_catalog, and of that, what somebody has added: also those of rows, and of arrays (`base`). */
export interface NamedType {
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: "domain" | "enum" | "composite" | "range" | "base" | "multirange";
  /** Of a domain: the type below it. Of a range: what it is a range of; of a multirange, the range. */
  readonly base?: number;
  /** Of a composite type: the relation that has its columns. */
  readonly relation?: number;
  /** Of an array: the type of its elements. */
  readonly element?: number;
  /** Its values are texts, and are written as such (citext): it is of the category of strings. */
  readonly textual?: true;
  /** Of a domain: the routines that its checks and its default run, as `schema.name`, by the same rule as hooks. */
  readonly checks?: readonly string[];
}

/**
 * What one database has, at one moment, as far as the meaning of a statement rests on it. Plain data: it is handed to
 * the parser's thread.
 */
export interface CatalogData {
  /** The same for the same content: results that rest on it are kept under it. */
  readonly version: string;
  /** server_version_num. */
  readonly serverVersion: number;
  /** With those of pg_catalog and information_schema; without temporary ones, and those of TOAST. */
  readonly relations: readonly Relation[];
  readonly routines: readonly Routine[];
  readonly types: readonly NamedType[];
  /**
   * Operators and casts of somebody's own making: where there are any, an operator or cast may call a function, which
   * is named `schema.name`. Casts that call none are not listed. What orders a type is a cast from it to itself.
   */
  readonly operators: readonly {
    readonly schema: string;
    readonly name: string;
    readonly function: string;
  }[];
  readonly casts: readonly { readonly source: number; readonly target: number; readonly function: string }[];
}
