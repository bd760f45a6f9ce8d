import { asNode } from "../analysis/node.ts";
import type { CatalogIndex } from "../catalog/catalog-index.ts";
import type { Relation } from "../catalog/catalog.ts";
import { FIRST_OWN } from "../catalog/queries.ts";
import { followCasts } from "./functions.ts";
import { storedShape } from "./relations.ts";
import { EMPTY_SCOPE } from "./scope.ts";
import { TooMuch, type Trace } from "./trace.ts";
import { type Shape, type Sources, NOTHING } from "./values.ts";

/** Views that rest on each other. */
const MAX_NESTING = 32;

/**
 * PostgreSQL's own views on what sessions do rest on one function, which gives what others ask beside what is harmless:
 * which is which, the views' columns tell.
 */
const ON_SESSIONS: ReadonlySet<string> = new Set(
  ["activity", "gssapi", "replication", "ssl"].map((what) => `pg_stat_${what}`),
);

/** What a view shows, by what it rests on. */
export interface ViewLineage {
  readonly shape: Shape;
  readonly predicates: Sources;
  /** All that its text reads: the server may compute what nobody has asked for. */
  readonly reads: Sources;
  readonly gaps: readonly string[];
}

/** Where the columns of a catalog's views come from: each is followed once. */
export class Views {
  readonly #catalog: CatalogIndex;
  readonly #parse: (text: string) => readonly unknown[];
  readonly #traceFor: (views: Views) => Trace;
  readonly #known = new Map<number, ViewLineage>();
  readonly #begun = new Set<number>();

  /**
   * @param parse the statements of a view's text
   * @param traceFor begins to follow a view's query, whose names are all written with their schema unless that is pg_catalog
   */
  constructor(
    catalog: CatalogIndex,
    parse: (text: string) => readonly unknown[],
    traceFor: (views: Views) => Trace,
  ) {
    this.#catalog = catalog;
    this.#parse = parse;
    this.#traceFor = traceFor;
  }

  lineageOf(view: Relation): ViewLineage {
    const known = this.#known.get(view.id);
    if (known) return known;
    // A view can't rest on itself; what was read of it is not what the server has.
    if (this.#begun.has(view.id) || this.#begun.size >= MAX_NESTING) {
      return this.#notFollowed(view, "views nested too deeply");
    }
    this.#begun.add(view.id);
    try {
      const lineage = this.#follow(view);
      this.#known.set(view.id, lineage);
      return lineage;
    } finally {
      this.#begun.delete(view.id);
    }
  }

  #follow(view: Relation): ViewLineage {
    const { definition, id, schema, name } = view;
    if (schema === "pg_catalog" && id < FIRST_OWN && ON_SESSIONS.has(name)) {
      return { shape: storedShape(view, this.#catalog), predicates: NOTHING, reads: NOTHING, gaps: [] };
    }
    if (definition === undefined) return this.#notFollowed(view, "what it shows could not be read");
    const [query, ...others] = this.#statements(definition);
    if (query === undefined || others.length > 0)
      return this.#notFollowed(view, "its text was not understood");
    const trace = this.#traceFor(this);
    try {
      const below = trace.query(asNode(query)?.["stmt"], EMPTY_SCOPE);
      followCasts(trace);
      const own = storedShape(view, this.#catalog);
      if (below.rest !== undefined || below.fields.length !== own.fields.length) {
        return this.#notFollowed(view, "its columns are not those of its text");
      }
      const fields = own.fields.map((field, i) => {
        const { sources = NOTHING, exact = false, row } = below.fields[i]?.value ?? {};
        const { type, origins = [] } = field.value;
        return {
          ...field,
          value: {
            sources: trace.union([field.value.sources, sources]),
            exact,
            // It is the view that the server names, whatever that rests on.
            origins,
            ...(type === undefined ? {} : { type }),
            ...(row === undefined ? {} : { row }),
          },
        };
      });
      return {
        shape: { fields },
        predicates: trace.predicates,
        reads: trace.union([trace.reads, trace.computed]),
        gaps: [...trace.gaps],
      };
    } catch (error) {
      if (error instanceof TooMuch) return this.#notFollowed(view, "it is too large to be followed");
      throw error;
    }
  }

  #statements(definition: string): readonly unknown[] {
    try {
      return this.#parse(definition);
    } catch {
      // A server of another version may write what this grammar does not have.
      return [];
    }
  }

  #notFollowed(view: Relation, why: string): ViewLineage {
    return { shape: storedShape(view, this.#catalog), predicates: NOTHING, reads: NOTHING, gaps: [why] };
  }
}
