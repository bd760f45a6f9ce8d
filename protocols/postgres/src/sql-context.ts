import type { AdapterRefusal } from "@gatehouse/core";
import { type Analysis, combine, type Reading } from "./analysis/analysis.ts";
import type { Analyzer } from "./analysis/analyzer.ts";
import { analyzeReplication } from "./analysis/replication.ts";
import type { BindParameter } from "./codec/bind.ts";
import { refusedByAnalysis, replicationOnly } from "./grounds.ts";
import { Pending } from "./pending.ts";
import { type ProvisionalEntry, ProvisionalNames } from "./provisional-names.ts";

/** What is known of a prepared statement. */
export interface Statement {
  readonly text: string;
  /** Object ids by position: as the client gave them, then as the server did. */
  parameterTypes: readonly number[];
  /** The text is of a PREPARE or a DECLARE, and what it prepares is meant. */
  readonly body?: true;
}

/** What is known of a portal: a statement, and the parameters it was bound to. */
export interface Portal {
  readonly statement: Statement;
  readonly parameters: readonly BindParameter[];
  /** A portal keeps the plan that was made when it was opened, whatever becomes of the settings. */
  readonly reading: Reading;
  /** It outlives its transaction (WITH HOLD). */
  readonly hold: boolean;
}

/** What a text comes to in this session, at this moment. */
export type Understood = { readonly analysis: Analysis } | { readonly refused: AdapterRefusal };

/** Whether a connection is one for replication: `physical` takes no SQL. */
export type Replication = "none" | "logical" | "physical";

export interface SqlContextOptions {
  readonly analyzer: Analyzer;
  readonly replication: Replication;
  readonly reading: () => Reading;
}

/**
 * What the texts and names of one session mean. The protocol's prepared statements and portals, and those of SQL's own
 * PREPARE and DECLARE, are one and the same at the server, and so they are here.
 */
export class SqlContext {
  readonly statements = new ProvisionalNames<Statement>();
  readonly portals = new ProvisionalNames<Portal>();
  readonly #options: SqlContextOptions;
  /** The last result that had to be waited for: not all of them are kept by the analyzer. */
  #latest: { readonly text: string; readonly reading: Reading; readonly understood: Understood } | undefined;

  constructor(options: SqlContextOptions) {
    this.#options = options;
  }

  /** The transaction has ended at the server, and its portals with it. */
  transactionEnded(): void {
    this.portals.forgetSettled(({ hold }) => hold);
  }

  /** What running a text does, with all that it runs by name. */
  query(text: string, segment: number): Understood | Pending {
    const understood = this.#text(text, this.#options.reading());
    return understood instanceof Pending || "refused" in understood
      ? understood
      : this.#withNames(understood.analysis, segment);
  }

  /** What running a prepared statement does at this moment. */
  statement(statement: Statement, segment: number): Understood | Pending {
    return this.#prepared(statement, this.#options.reading(), segment);
  }

  /** What running a portal does. */
  portal({ statement, reading }: Portal, segment: number): Understood | Pending {
    return this.#prepared(statement, reading, segment);
  }

  /**
   * Follows what a text that is about to be sent does to the session's names.
   * @returns called with how many of its statements the server has completed; undefined where it does nothing
   */
  follow({ effects }: Analysis, segment: number): ((completed: number) => void) | undefined {
    const given: { readonly statement: number; readonly settle: (done: boolean) => void }[] = [];
    const assigned =
      <T>(statement: number, names: ProvisionalNames<T>) =>
      (entry: ProvisionalEntry<T>) =>
        given.push({ statement, settle: (done) => names.settle(entry, done) });
    for (const effect of effects) {
      const ofStatements = assigned(effect.statement, this.statements);
      const ofPortals = assigned(effect.statement, this.portals);
      switch (effect.kind) {
        case "prepare": {
          const { name, text } = effect;
          const statement: Statement = { text, parameterTypes: [], body: true };
          ofStatements(this.statements.assign(name, statement, segment, text.length));
          break;
        }
        case "declare": {
          const { name, text, hold } = effect;
          const statement: Statement = { text, parameterTypes: [], body: true };
          const portal = { statement, parameters: [], reading: this.#options.reading(), hold };
          ofPortals(this.portals.assign(name, portal, segment, text.length));
          break;
        }
        case "deallocate":
          if (effect.name === undefined) this.statements.assignNothing(segment).forEach(ofStatements);
          else ofStatements(this.statements.assign(effect.name, undefined, segment));
          break;
        case "close":
          if (effect.name === undefined) this.portals.assignNothing(segment).forEach(ofPortals);
          else ofPortals(this.portals.assign(effect.name, undefined, segment));
          break;
        case "discard":
          this.statements.assignNothing(segment).forEach(ofStatements);
          this.portals.assignNothing(segment).forEach(ofPortals);
          break;
        case "execute":
        case "fetch":
        case "reading":
        case "transaction":
          break;
      }
    }
    if (given.length === 0) return undefined;
    return (completed) => {
      for (const { statement, settle } of given) settle(completed > statement);
    };
  }

  #prepared(statement: Statement, reading: Reading, segment: number): Understood | Pending {
    const understood = this.#body(statement, reading);
    return understood instanceof Pending || "refused" in understood
      ? understood
      : this.#withNames(understood.analysis, segment);
  }

  /**
   * With what it runs by name. A name that is not known here stands for anything: it leaves the access unknown. So does
   * a statement that itself runs something by name: followed on and on, one that names itself would have no end.
   */
  #withNames(analysis: Analysis, segment: number): Understood | Pending {
    if (!analysis.effects.some(({ kind }) => kind === "execute" || kind === "fetch")) return { analysis };
    const bodies: Analysis[] = [];
    let known = true;
    // A name that the text itself gives is not in the session yet.
    const prepared = new Map<string, Analysis>();
    const declared = new Map<string, Analysis>();
    for (const effect of analysis.effects) {
      if (effect.kind === "prepare") prepared.set(effect.name, effect.body);
      else if (effect.kind === "declare") declared.set(effect.name, effect.body);
      if (effect.kind !== "execute" && effect.kind !== "fetch") continue;
      const inText = (effect.kind === "execute" ? prepared : declared).get(effect.name);
      const body = inText ? { analysis: inText } : this.#named(effect, segment);
      if (body instanceof Pending || (body !== undefined && "refused" in body)) return body;
      if (body === undefined) known = false;
      else bodies.push(body.analysis);
    }
    return { analysis: combine(analysis, bodies, known) };
  }

  #named(
    { kind, name }: { readonly kind: "execute" | "fetch"; readonly name: string },
    segment: number,
  ): Understood | Pending | undefined {
    if (kind === "execute") {
      const statement = this.statements.lookUp(name, segment);
      return statement === undefined || statement instanceof Pending
        ? statement
        : this.#body(statement, this.#options.reading());
    }
    const portal = this.portals.lookUp(name, segment);
    return portal === undefined || portal instanceof Pending
      ? portal
      : this.#body(portal.statement, portal.reading);
  }

  /** What a prepared statement does by itself, with what it runs by name left open. */
  #body(statement: Statement, reading: Reading): Understood | Pending {
    const understood = this.#text(statement.text, reading);
    if (understood instanceof Pending || "refused" in understood || !statement.body) return understood;
    return { analysis: bodyOf(understood.analysis) };
  }

  #text(text: string, reading: Reading): Understood | Pending {
    const { analyzer, replication } = this.#options;
    if (this.#latest?.text === text && this.#latest.reading === reading) return this.#latest.understood;
    if (replication !== "none") {
      const analysis = analyzeReplication(text);
      if (analysis) return { analysis };
      if (replication === "physical") return { refused: replicationOnly(text) };
    }
    const known = analyzer.known(text, reading);
    if (known) return understoodAs(text, known);
    return new Pending(
      analyzer.analyze(text, reading).then((result) => {
        this.#latest = { text, reading, understood: understoodAs(text, result) };
      }),
    );
  }
}

function understoodAs(text: string, result: Parameters<typeof refusedByAnalysis>[0]): Understood {
  const refused = refusedByAnalysis(result, text);
  if (refused) return { refused };
  if (!result.ok) throw new TypeError("An analysis that failed must have been refused.");
  return { analysis: result.analysis };
}

/** What a PREPARE or a DECLARE prepares. Without one, nothing is known of what is run. */
function bodyOf(analysis: Analysis): Analysis {
  for (const effect of analysis.effects) {
    if (effect.kind === "prepare" || effect.kind === "declare") return effect.body;
  }
  throw new TypeError("A text that was kept as a PREPARE or a DECLARE has none.");
}
