import type { Access } from "@gatehouse/core";
import type { RowEvent } from "../catalog/catalog.ts";
import { type Analysis, type Effect, widest } from "./analysis.ts";
import { type Consequences, consequencesOf } from "./consequences.ts";
import type { CopyFormat } from "./copy-format.ts";
import { kindsOf } from "./function-kinds.ts";
import type { TableLock } from "./locks.ts";
import type { Surroundings } from "./surroundings.ts";

type Distribute<T> = T extends unknown ? Omit<T, "statement"> : never;

/** What has been found in a text, or in a part of one. */
export class Findings {
  readonly #verbs = new Set<string>();
  readonly #reads = new Set<string>();
  readonly #writes = new Set<string>();
  readonly #functions = new Set<string>();
  readonly #userFunctions = new Set<string>();
  /** Of somebody's own, which run without being named. */
  readonly #runs = new Set<string>();
  readonly #changes = new Map<string, Set<RowEvent>>();
  readonly #locked = new Set<string>();
  readonly #types = new Set<number>();
  readonly #attributes = new Set<string>();
  readonly #locks = new Set<TableLock>();
  readonly #effects: Effect[] = [];
  readonly #copies: { readonly statement: number; readonly format: CopyFormat }[] = [];
  /** But for functions that somebody has made. */
  #otherwise: Access = "read";
  #byName = false;
  #unfiltered = false;
  #unlimited = false;
  #casts = false;
  #parameters = false;
  #defines = false;
  #unsupported: string | undefined;
  readonly #surroundings: Surroundings | undefined;
  /** Which of the text's statements is being looked at. */
  statement = 0;
  /** What was found rests on what a literal says, and not on the text's shape alone. */
  literals = false;
  /** A statement's grammar has a place for a secret. */
  spellsSecret = false;

  /** @param surroundings absent where the target's catalog is not known */
  constructor(surroundings?: Surroundings) {
    this.#surroundings = surroundings;
  }

  verb(verb: string): void {
    this.#verbs.add(verb);
  }

  widen(access: Access): void {
    this.#otherwise = widest(this.#otherwise, access);
    // What is not known may set whatever it likes.
    if (access === "unknown") this.effect({ kind: "reading" });
  }

  reads(names: readonly string[]): void {
    for (const name of names) this.#reads.add(name);
  }

  /** Whoever changes a system catalog changes the server. */
  writes(names: readonly string[]): void {
    for (const name of names) {
      this.#writes.add(name);
      if (name.startsWith("pg_catalog.")) this.widen("admin");
    }
  }

  /** Rows are changed: what is hung on that comes with it. */
  changes(names: readonly string[], event: RowEvent): void {
    this.writes(names);
    for (const name of names) {
      const events = this.#changes.get(name) ?? new Set();
      this.#changes.set(name, events.add(event));
    }
  }

  /** Runs functions of somebody's own without naming them: operators do. */
  runs(names: readonly string[]): void {
    for (const name of names) this.#runs.add(name);
  }

  /** Casts to one of these types of somebody's own; without any, to one of PostgreSQL's. */
  casts(types: readonly number[]): void {
    for (const type of types) this.#types.add(type);
    if (types.length === 0) this.#casts = true;
  }

  /** Has a field's name behind a row, which may be that of one of these functions. */
  attributes(routines: readonly string[]): void {
    for (const name of routines) this.#attributes.add(name);
  }

  /** Locks rows of these, or all of them. */
  lockRows(names: readonly string[]): void {
    this.writes(names);
    for (const name of names) this.#locked.add(name);
  }

  /** It has parameters, whose types need not stand in the text. */
  parameters(): void {
    this.#parameters = true;
  }

  locks(locks: readonly TableLock[]): void {
    for (const lock of locks) this.#locks.add(lock);
  }

  /** It makes or alters what runs beside other statements. */
  defines(): void {
    this.#defines = true;
  }

  /** It makes a table of what it reads, whose columns have the same types. */
  makesTable(): void {
    if (this.#beside()?.checked === true) this.#defines = true;
  }

  /** Something in it does. */
  get hasDefined(): boolean {
    return this.#defines;
  }

  calls(names: readonly string[]): void {
    for (const name of names) this.#functions.add(name);
  }

  /** Calls functions that somebody has made, under some of these names: what they do is not known. */
  callsUserFunctions(names: readonly string[]): void {
    if (names.length === 0) return;
    for (const name of names) this.#userFunctions.add(name);
    this.effect({ kind: "reading" });
  }

  unfiltered(): void {
    this.#unfiltered = true;
  }

  unlimited(): void {
    this.#unlimited = true;
  }

  /** It can't be let through. The first reason is the one that is told. */
  refuse(message: string): void {
    this.#unsupported ??= message;
  }

  effect(effect: Distribute<Effect>): void {
    const last = this.#effects.at(-1);
    if (effect.kind === "reading" && last?.kind === "reading" && last.statement === this.statement) return;
    this.#effects.push({ ...effect, statement: this.statement });
  }

  /** A COPY to the client. */
  copies(format: CopyFormat): void {
    this.#copies.push({ statement: this.statement, format });
  }

  /** Something runs that stands elsewhere, under a name. */
  runsByName(): void {
    this.#byName = true;
  }

  /** Takes over what a part does, all but what it does to the session. */
  include(part: Findings): void {
    for (const verb of part.#verbs) this.#verbs.add(verb);
    this.reads([...part.#reads]);
    this.writes([...part.#writes]);
    for (const [name, events] of part.#changes) for (const event of events) this.changes([name], event);
    for (const name of part.#locked) this.#locked.add(name);
    if (part.#unfiltered) this.#unfiltered = true;
    if (part.#unlimited) this.#unlimited = true;
    if (part.#defines) this.#defines = true;
    this.#mention(part);
    this.widen(part.#otherwise);
    this.callsUserFunctions([...part.#userFunctions]);
  }

  /** Takes over a part that is planned and not run: what it would change is only looked at. */
  includePlanned(part: Findings): void {
    this.reads([...part.#reads, ...part.#writes]);
    this.#mention(part);
    this.#effects.push(...part.#effects);
    if (part.#byName) this.#byName = true;
    // Planning may call functions, so that one which is not known stays unknown.
    this.widen(part.#otherwise === "write" || part.#otherwise === "ddl" ? "read" : part.#otherwise);
    this.callsUserFunctions([...part.#userFunctions]);
  }

  /** Takes over a part whose rows are locked: the relations that it reads are changed as well. */
  includeLocked(part: Findings): void {
    this.include(part);
    this.#effects.push(...part.#effects);
    if (part.#byName) this.#byName = true;
    this.lockRows([...part.#reads]);
  }

  analysis(statements: number): Analysis {
    const named = [...new Set([...this.#reads, ...this.#writes])].sort();
    const beside = this.#beside();
    const runs = [
      ...new Set([...this.#userFunctions, ...this.#harmful(this.#runs), ...(beside?.runs ?? [])]),
    ].sort();
    // What runs without being named may set whatever it likes, as what is named may.
    if (runs.length > 0 || beside?.access === "unknown") this.effect({ kind: "reading" });
    const otherwise = [beside?.access ?? "read", this.#unknownBeside(named)].reduce(widest, this.#otherwise);
    const own = runs.length > 0 ? "unknown" : otherwise;
    const functions = [...new Set([...this.#functions, ...runs, ...(beside?.functions ?? [])])].sort();
    return {
      statements,
      verbs: [...this.#verbs],
      access: this.#byName ? "unknown" : own,
      own,
      ...(runs.length > 0 && !this.#byName ? { userFunctions: { names: runs, otherwise } } : {}),
      named,
      reads: [...new Set([...this.#reads, ...(beside?.reads ?? [])])].sort(),
      writes: [...new Set([...this.#writes, ...(beside?.writes ?? [])])].sort(),
      functions,
      functionKinds: kindsOf(functions, new Set(runs), this.#surroundings?.catalog),
      locks: [...this.#locks].sort(),
      unfiltered: this.#unfiltered,
      unlimited: this.#unlimited,
      defines: this.#defines || own === "unknown",
      ...(this.#unsupported === undefined ? {} : { unsupported: this.#unsupported }),
      effects: this.#effects,
      ...(this.#copies.length === 0 ? {} : { copies: this.#copies }),
    };
  }

  /** What follows from it by the catalog. */
  #beside(): Consequences | undefined {
    if (this.#surroundings === undefined) return undefined;
    const { catalog, viewFacts } = this.#surroundings;
    const done = {
      reads: this.#reads,
      changes: this.#changes,
      locks: this.#locked,
      calls: new Set([...this.#functions, ...this.#runs]),
      types: this.#types,
      casts: this.#casts,
      attributes: this.#attributes,
      parameters: this.#parameters,
    };
    return consequencesOf(done, catalog, viewFacts);
  }

  /** The session may have hung something on what is named, and nobody else sees it yet. */
  #unknownBeside(named: readonly string[]): Access {
    if (this.#surroundings?.redefined !== true) return "read";
    return named.length > 0 || this.#functions.size > 0 ? "unknown" : "read";
  }

  #harmful(routines: Iterable<string>): readonly string[] {
    return [...routines].filter((name) => this.#surroundings?.catalog.harmless(name) !== true);
  }

  #mention(part: Findings): void {
    this.calls([...part.#functions]);
    this.runs([...part.#runs]);
    if (part.#types.size > 0) this.casts([...part.#types]);
    this.#casts ||= part.#casts;
    this.attributes([...part.#attributes]);
    this.locks([...part.#locks]);
    this.#parameters ||= part.#parameters;
    this.#unsupported ??= part.#unsupported;
    this.literals ||= part.literals;
    this.spellsSecret ||= part.spellsSecret;
  }
}
