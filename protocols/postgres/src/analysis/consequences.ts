import type { Access } from "@gatehouse/core";
import type { Relation, RowEvent } from "../catalog/catalog.ts";
import type { CatalogIndex } from "../catalog/catalog-index.ts";
import { type Analysis, widest } from "./analysis.ts";
import { accessOfFunction } from "./builtins.ts";

/** Relations that one statement is followed to: partitions, views below views, rows that go with others. */
const MAX_REACHED = 50_000;

/** What a text does by its own words, as far as something else follows from it. */
export interface Done {
  /** Relations, as schema.name. */
  readonly reads: ReadonlySet<string>;
  /** What is done to the rows of each. */
  readonly changes: ReadonlyMap<string, ReadonlySet<RowEvent>>;
  /** Relations whose rows it locks: those that are read with them, are as well. */
  readonly locks: ReadonlySet<string>;
  /** Routines that it calls, also by operators, as schema.name. */
  readonly calls: ReadonlySet<string>;
  /** Object ids of the types of somebody's own that it casts to. */
  readonly types: ReadonlySet<number>;
  /** It casts to others, too. */
  readonly casts: boolean;
  /** What stands behind a dot, as schema.name of the routines that it may be: `t.name` may call name(t). */
  readonly attributes: ReadonlySet<string>;
  /** It has parameters: they may be of any type. */
  readonly parameters: boolean;
}

/** What comes of it beside. */
export interface Consequences {
  readonly reads: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
  /** Functions that views call, and PostgreSQL's own that run without being named. */
  readonly functions: ReadonlySet<string>;
  /** Routines of somebody's own that run without being named, as schema.name. */
  readonly runs: ReadonlySet<string>;
  /** Values of its types are not made without running something. */
  readonly checked: boolean;
  /** But for those: what views do, and `unknown` where it can't be told. */
  readonly access: Access;
}

/** What a view does when it is read; undefined where that can't be told. */
export type ViewFacts = (view: Relation) => Analysis | undefined;

/**
 * What a statement does that its text does not say: through views, rules, triggers, defaults, checks, row policies,
 * partitions, foreign keys, and through casts that nobody writes. More may be listed than happens, never less.
 */
export function consequencesOf(done: Done, catalog: CatalogIndex, viewFacts: ViewFacts): Consequences {
  const reached = new Reached(catalog, viewFacts);
  for (const name of done.reads) reached.named(name, "read");
  for (const [name, events] of done.changes) for (const event of events) reached.named(name, event);
  if (done.locks.size > 0) reached.locked(done.locks);
  reached.values(done);
  return reached;
}

class Reached implements Consequences {
  readonly reads = new Set<string>();
  readonly writes = new Set<string>();
  readonly functions = new Set<string>();
  readonly runs = new Set<string>();
  checked = false;
  access: Access = "read";
  readonly #catalog: CatalogIndex;
  readonly #viewFacts: ViewFacts;
  readonly #seen = new Set<string>();
  /** Object ids of the types of the columns that were met. */
  readonly #types = new Set<number>();

  constructor(catalog: CatalogIndex, viewFacts: ViewFacts) {
    this.#catalog = catalog;
    this.#viewFacts = viewFacts;
  }

  /** What the catalog does not have is as its name says: the server would not find it either. */
  named(name: string, event: RowEvent): void {
    const relation = this.#catalog.relationNamed(name);
    if (relation) this.#reach(relation, event);
  }

  /** Locks go through views, and to the parts of tables. */
  locked(names: Iterable<string>): void {
    const behind = new Reached(this.#catalog, this.#viewFacts);
    for (const name of names) behind.named(name, "read");
    for (const name of behind.reads) this.writes.add(name);
  }

  /**
   * What runs to make values, and to take them for others, of the types of what is read, changed or cast to: checks of
   * domains, casts of somebody's own, which need not be written to be made, and functions that look like fields.
   */
  values({ calls, types, casts, parameters, attributes }: Done): void {
    const called = [...calls].flatMap((name) => this.#catalog.routinesNamed(name));
    // What a function is given is made to be of its arguments' types.
    const taken = this.#catalog.typesWithin(called.flatMap((routine) => this.#catalog.typesTaken(routine)));
    for (const type of [...this.#catalog.typesWithin(types), ...taken]) this.#checks(type);
    const given = called.map(({ returns }) => returns);
    const met = this.#catalog.typesWithin([...types, ...given, ...this.#types]);
    this.checked = this.#catalog.isChecked(met);
    for (const { source, target, function: routine } of this.#catalog.data.casts) {
      const ends = [source, target];
      const own = ends.filter((end) => this.#catalog.type(end) !== undefined);
      const used =
        own.length > 0 ? own.some((end) => met.has(end)) : casts || ends.some((end) => met.has(end));
      if (parameters || used || taken.has(target)) this.#run(routine);
    }
    for (const name of attributes) if (this.#takesOne(name, met)) this.#run(name);
  }

  /** Whether a function of this name may be given a row of one of these types. */
  #takesOne(name: string, types: ReadonlySet<number>): boolean {
    const rows = [...types]
      .flatMap((id) => this.#catalog.type(id) ?? [])
      .filter(({ kind }) => kind === "composite");
    return this.#catalog.routinesNamed(name).some(({ arguments: given }) => {
      const words = given.replaceAll('"', "");
      return (
        /\b(record|any\w*)\b/.test(words) || rows.some((row) => words.includes(row.name.replaceAll('"', "")))
      );
    });
  }

  #reach(relation: Relation, event: RowEvent): void {
    const key = `${relation.id} ${event}`;
    if (this.#seen.has(key)) return;
    if (this.#seen.size >= MAX_REACHED) {
      this.access = "unknown";
      return;
    }
    this.#seen.add(key);
    (event === "read" ? this.reads : this.writes).add(this.#catalog.nameOf(relation));
    // What a materialized view shows was computed before.
    const stored = relation.kind === "materialized view" && event === "read";
    for (const { routine, on } of stored ? [] : (relation.hooks ?? []))
      if (on.includes(event)) this.#run(routine);
    const row = this.#catalog.rowType(relation.id);
    const types = [...(row ? [row.id] : []), ...relation.columns.map(({ type }) => type)];
    for (const type of types) this.#types.add(type);
    if (event !== "read") for (const type of this.#catalog.typesWithin(types)) this.#checks(type);
    for (const id of relation.policyReads ?? []) {
      const read = this.#catalog.relationById(id);
      if (read) this.#reach(read, "read");
    }
    if (event !== "read") this.#change(relation, event);
    if (relation.kind === "view" || relation.kind === "materialized view") this.#view(relation, event);
    const { above, below } = this.#catalog.family(relation.id);
    for (const child of below) {
      this.#reach(child, event);
      // A row that moves from one partition to another goes from the one, and comes into the other.
      if (event === "update") for (const other of ["delete", "insert"] as const) this.#reach(child, other);
    }
    // The row is one of theirs, too, and what takes one of their rows takes it; nothing else of theirs runs.
    for (const parent of above) {
      (event === "read" ? this.reads : this.writes).add(this.#catalog.nameOf(parent));
      const type = this.#catalog.rowType(parent.id);
      if (type) this.#types.add(type.id);
    }
  }

  /** What a change of rows brings with it: rules put something else in its place, foreign keys take it further. */
  #change({ rules, referrers = [] }: Relation, event: RowEvent): void {
    if (rules) this.access = "unknown";
    for (const { relation: id, onUpdate, onDelete } of referrers) {
      const next = event === "update" ? onUpdate : event === "delete" ? onDelete : undefined;
      const referrer = this.#catalog.relationById(id);
      if (!referrer) continue;
      if (next) this.#reach(referrer, next);
      // Without CASCADE, the server refuses to truncate what others refer to.
      else if (event === "truncate") this.#reach(referrer, event);
    }
  }

  #view(view: Relation, event: RowEvent): void {
    const facts = this.#viewFacts(view);
    if (!facts) {
      this.access = "unknown";
      return;
    }
    for (const name of facts.reads) this.reads.add(name);
    if (view.kind === "view" || event !== "read") {
      for (const name of facts.functions) this.functions.add(name);
      for (const name of facts.userFunctions?.names ?? []) this.runs.add(name);
      this.access = widest(this.access, facts.userFunctions?.otherwise ?? facts.access);
    }
    if (event !== "read") for (const name of facts.named) this.named(name, event);
  }

  /** Of a domain, and of those below it. */
  #checks(type: number): void {
    for (const { checks = [] } of this.#catalog.domains(type))
      for (const routine of checks) this.#run(routine);
  }

  #run(routine: string): void {
    const schema = "pg_catalog.";
    if (routine.startsWith(schema) && this.#catalog.routinesNamed(routine).length === 0) {
      const name = routine.slice(schema.length);
      this.functions.add(routine);
      // Which setting gets which value, nobody has seen.
      this.access = widest(
        this.access,
        name === "set_config" ? "unknown" : accessOfFunction("pg_catalog", name),
      );
    } else if (!this.#catalog.harmless(routine)) this.runs.add(routine);
  }
}
