import type { Node } from "../analysis/node.ts";
import type { CatalogIndex } from "../catalog/catalog-index.ts";
import type { Scope } from "./scope.ts";
import type { ViewLineage } from "./views.ts";
import type { Shape, Sources, StoredColumn, Value } from "./values.ts";
import { NOTHING } from "./values.ts";
import type { Relation } from "../catalog/catalog.ts";

/** Steps of one statement, or of one view: some ten milliseconds. */
const MAX_WORK = 200_000;
/** Expressions and queries inside each other, not counting chains of operators and of UNION. */
const MAX_DEPTH = 500;
/** One says enough; the rest are for whoever mends the statement. */
const MAX_GAPS = 20;

/** A statement that is too much to follow: what is known of it by then says nothing. */
export class TooMuch extends Error {}

/** What a statement's names mean where it stands. */
export interface Surroundings {
  readonly catalog: CatalogIndex;
  /** The schemas of search_path in order, `$user` replaced. */
  readonly path: readonly string[];
  /** Routines that may be called, as `schema.name`: what they give depends on their arguments alone. */
  readonly trusted: ReadonlySet<string>;
  /** Names of the session's temporary relations, which hide others. */
  readonly temporary: ReadonlySet<string>;
  /** A statement before it, in the same text, may have changed what there is, or where names are looked for. */
  readonly doubt: { readonly catalog: boolean; readonly path: boolean };
  readonly viewOf: (relation: Relation) => ViewLineage;
}

/** What has been found of one statement so far, and how much work it was. */
export class Trace {
  readonly surroundings: Surroundings;
  /** Follows a query, or a change with RETURNING, inside the statement. */
  readonly query: (node: unknown, scope: Scope) => Shape;
  readonly predicates = new Set<StoredColumn>();
  readonly reads = new Set<StoredColumn>();
  /** What the texts of views read, whether it is asked for or not. */
  readonly computed = new Set<StoredColumn>();
  readonly writes = new Set<StoredColumn>();
  readonly flows = new Map<string, Set<StoredColumn>>();
  readonly gaps = new Set<string>();
  /** The name of the first column of a query that stands in an expression, by its node. */
  readonly firstNames = new WeakMap<Node, string>();
  /** Object ids of the types of what it reads, writes and casts to. */
  readonly types = new Set<number>();
  /** It changes a relation that has triggers, or builds something anew by its owner's expressions. */
  triggers = false;
  /** It has parameters: their types need not stand in the text. */
  parameters = false;
  /** A literal's value says which column is meant: ORDER BY 2. */
  literals = false;
  /** It changes settings, maybe those by which names are looked for. */
  sets = false;
  /** What is computed from them may fail, by their values. */
  readonly failing = new Set<StoredColumn>();
  /** Computations so far that may fail, be it by values of nobody's. */
  failures = 0;
  /** Calls so far that do something which can be seen from outside, be it only by the time they take. */
  effects = 0;
  #work = 0;
  #depth = 0;

  constructor(surroundings: Surroundings, query: (node: unknown, scope: Scope, trace: Trace) => Shape) {
    this.surroundings = surroundings;
    this.query = (node, scope) => this.deeper(() => query(node, scope, this));
  }

  /** @throws TooMuch */
  step(count = 1): void {
    this.#work += count;
    if (this.#work > MAX_WORK) throw new TooMuch();
  }

  /** @throws TooMuch */
  deeper<Result>(look: () => Result): Result {
    if (this.#depth >= MAX_DEPTH) throw new TooMuch();
    this.#depth++;
    try {
      return look();
    } finally {
      this.#depth--;
    }
  }

  /** @param what was not understood, in words for a person */
  gap(what: string): void {
    if (this.gaps.size < MAX_GAPS) this.gaps.add(what);
  }

  add(to: Set<StoredColumn>, sources: Sources): void {
    this.step(1 + sources.size);
    for (const source of sources) to.add(source);
  }

  /** All of them. Mostly it is one, which is handed on as it is. */
  union(parts: readonly Sources[]): Sources {
    const [first = NOTHING, ...others] = parts.filter(({ size }) => size > 0);
    this.step(parts.length);
    if (others.every((other) => other === first)) return first;
    const all = new Set<StoredColumn>();
    for (const part of [first, ...others]) this.add(all, part);
    return all;
  }

  /** What the whole row of a shape comes from. */
  all({ fields, rest = NOTHING }: Shape): Sources {
    return this.union([...fields.map(({ value }) => value.sources), rest]);
  }

  /** The statement looks at the value. */
  read(value: Value): Value {
    this.add(this.reads, value.sources);
    if (value.type !== undefined) this.types.add(value.type);
    return value;
  }

  /** What is computed from these may fail. */
  mayFail(sources: Sources): void {
    this.failures++;
    this.add(this.failing, sources);
  }

  /** The statement names something that the catalog has. */
  looksUp(): void {
    if (this.surroundings.doubt.catalog) this.gap("names behind a statement that may change what they mean");
  }

  flow(sources: Sources, to: string): void {
    if (sources.size === 0) return;
    const known = this.flows.get(to) ?? new Set();
    this.flows.set(to, known);
    this.add(known, sources);
  }
}
