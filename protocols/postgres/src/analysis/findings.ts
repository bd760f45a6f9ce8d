import type { Access } from "@gatehouse/core";
import { type Analysis, type Effect, widest } from "./analysis.ts";
import type { CopyFormat } from "./copy-format.ts";

type Distribute<T> = T extends unknown ? Omit<T, "statement"> : never;

/** What has been found in a text, or in a part of one. */
export class Findings {
  readonly #verbs = new Set<string>();
  readonly #reads = new Set<string>();
  readonly #writes = new Set<string>();
  readonly #functions = new Set<string>();
  readonly #userFunctions = new Set<string>();
  readonly #effects: Effect[] = [];
  readonly #copies: { readonly statement: number; readonly format: CopyFormat }[] = [];
  /** But for functions that somebody has made. */
  #otherwise: Access = "read";
  #byName = false;
  #unfiltered = false;
  #unsupported: string | undefined;
  /** Which of the text's statements is being looked at. */
  statement = 0;
  /** What was found rests on what a literal says, and not on the text's shape alone. */
  literals = false;
  /** A statement's grammar has a place for a secret. */
  spellsSecret = false;

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
    if (part.#unfiltered) this.#unfiltered = true;
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
    this.writes([...part.#reads]);
  }

  analysis(statements: number): Analysis {
    const names = [...this.#userFunctions].sort();
    const otherwise = this.#otherwise;
    const own = names.length > 0 ? "unknown" : otherwise;
    return {
      statements,
      verbs: [...this.#verbs],
      access: this.#byName ? "unknown" : own,
      own,
      ...(names.length > 0 && !this.#byName ? { userFunctions: { names, otherwise } } : {}),
      reads: [...this.#reads].sort(),
      writes: [...this.#writes].sort(),
      functions: [...this.#functions].sort(),
      unfiltered: this.#unfiltered,
      ...(this.#unsupported === undefined ? {} : { unsupported: this.#unsupported }),
      effects: this.#effects,
      ...(this.#copies.length === 0 ? {} : { copies: this.#copies }),
    };
  }

  #mention(part: Findings): void {
    this.calls([...part.#functions]);
    this.#unsupported ??= part.#unsupported;
    this.literals ||= part.literals;
    this.spellsSecret ||= part.spellsSecret;
  }
}
