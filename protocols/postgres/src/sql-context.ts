import type { AdapterRefusal, Session } from "@gatehouse/core";
import {
  type Analysis,
  type AnalysisResult,
  type Body,
  combine,
  type Effect,
  onSettings,
  type Reading,
} from "./analysis/analysis.ts";
import type { Analyzer } from "./analysis/analyzer.ts";
import { sizeOfAnalysis } from "./analysis/known-results.ts";
import { analyzeReplication } from "./analysis/replication.ts";
import { dotted } from "./analysis/search-path.ts";
import type { BindParameter } from "./codec/bind.ts";
import type { Decode } from "./codec/name.ts";
import { CatalogIndex } from "./catalog/catalog-index.ts";
import type { CatalogData } from "./catalog/catalog.ts";
import { FIRST_OWN } from "./catalog/queries.ts";
import {
  catalogUnavailable,
  checkedParameter,
  notAsciiName,
  refusedByAnalysis,
  replicationOnly,
} from "./grounds.ts";
import { Pending } from "./pending.ts";
import type { CatalogView, SessionCatalog } from "./catalog/session-catalog.ts";
import type { Meaning } from "./fingerprint.ts";
import type { MaskPlan } from "./masking/plan.ts";
import type { SessionReading } from "./reading.ts";
import { type ProvisionalEntry, ProvisionalNames } from "./provisional-names.ts";

/** What is known of a prepared statement. */
export interface Statement {
  readonly text: string;
  /** Object ids by position: as the client gave them, then as the server did. */
  parameterTypes: readonly number[];
  readonly declaredTypes?: readonly number[];
  /** The text is of a PREPARE, and what it prepares is meant. */
  readonly body?: true;
  /** The plan whose columns are those that the server has described. */
  compared?: MaskPlan;
}

/** What is known of a portal: a statement, and the parameters it was bound to. */
export interface Portal {
  readonly statement: Statement;
  readonly parameters: readonly BindParameter[];
  /** Reads those of them that are texts. */
  readonly decode: Decode;
  /** A portal keeps the plan that was made when it was opened, whatever becomes of the settings. */
  readonly planned: Analysis;
  /** It outlives its transaction (WITH HOLD). */
  readonly hold: boolean;
}

/** What a text comes to in this session, at this moment. */
export type Understood =
  | {
      readonly analysis: Analysis;
      /** The same without what it runs by name: that is looked up when it is run. */
      readonly own: Analysis;
      /** The texts of what it runs by name; absent where that is nothing. */
      readonly runs?: readonly string[];
    }
  | { readonly refused: AdapterRefusal };

/** What a text does by itself, or why it can't be told. */
type Own = Analysis | { readonly refused: AdapterRefusal };

/** Statements whose own doing a session keeps at hand, so that running one again costs no search for its text. */
const AT_HAND = 64;

/** Whether a connection is one for replication: `physical` takes no SQL. */
export type Replication = "none" | "logical" | "physical";

export interface SqlContextOptions {
  readonly session: Session;
  readonly analyzer: Analyzer;
  readonly replication: Replication;
  readonly reading: SessionReading;
  readonly catalog: SessionCatalog;
}

/**
 * What the texts and names of one session mean. The protocol's prepared statements and portals, and those of SQL's own
 * PREPARE and DECLARE, are one and the same at the server, and so they are here.
 */
export class SqlContext implements Meaning {
  readonly statements = new ProvisionalNames<Statement>();
  readonly portals = new ProvisionalNames<Portal>();
  readonly #options: SqlContextOptions;
  /** Of statements that were run before, for as long as texts are read in this way. */
  #atHand: { readonly reading: Reading; readonly own: Map<Statement, Own> } | undefined;
  /** How texts are read, with the catalog that they are looked up in. */
  #seen: { readonly bare: Reading; readonly view: CatalogView; readonly whole: Reading } | undefined;
  /** The catalog could not be read just now. */
  #unavailable = false;
  /** The last result that had to be waited for: not all of them are kept by the analyzer. */
  #latest: { readonly text: string; readonly reading: Reading; readonly own: Own } | undefined;

  constructor(options: SqlContextOptions) {
    this.#options = options;
  }

  get key(): string {
    return this.#options.reading.key;
  }

  /** Relations and routines by their object ids, and of views the text: as the catalog was when the last text was read. */
  objectsOf({ named, reads, writes, functions }: Analysis): readonly unknown[] {
    const data = this.#seen?.view.data;
    if (!data) return [];
    const names = new Set([...named, ...reads, ...writes, ...functions]);
    const isNamed = ({ schema, name }: { readonly schema: string; readonly name: string }) =>
      names.has(dotted([schema, name]));
    const relations = data.relations.filter(isNamed).map(({ id, definition }) => [id, definition]);
    const routines = data.routines.filter(isNamed).map(({ id }) => [id]);
    return [...relations, ...routines];
  }

  /** The transaction has ended at the server, and its portals with it. */
  transactionEnded(): void {
    this.portals.forgetSettled(({ hold }) => hold);
  }

  /** What running a text, or preparing it, does with all that it runs by name. */
  query(text: string, segment: number): Understood | Pending {
    return this.#complete(this.#text(text), segment);
  }

  /** Why parameters can't be of these types, by object id, as the client declares them beside a text. */
  refusedTypes(text: string, types: readonly number[]): AdapterRefusal | undefined {
    const view = this.#seen?.view;
    const own = types.filter((type) => type >= FIRST_OWN);
    if (view === undefined || own.length === 0) return undefined;
    // A type that the session has just made may have checks, too.
    return view.redefined || makesChecked(view.data, own) ? checkedParameter(text) : undefined;
  }

  /** What running a statement that was prepared before does at this moment. */
  statement(statement: Statement, segment: number): Understood | Pending {
    return this.#complete(this.#statement(statement), segment);
  }

  /** What running a portal does. */
  portal({ planned }: Portal, segment: number): Understood | Pending {
    return this.#complete(planned, segment);
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
          const { name, text, hold, body: planned } = effect;
          const statement = { text, parameterTypes: [] };
          const portal = { statement, parameters: [], decode: () => undefined, planned, hold };
          ofPortals(this.portals.assign(name, portal, segment, text.length + sizeOfAnalysis(planned)));
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

  #complete(own: Own | Pending, segment: number): Understood | Pending {
    if (own instanceof Pending || "refused" in own) return own;
    const { cutsElsewhere } = this.#options.reading;
    const name = cutsElsewhere
      ? own.effects.map(nameIn).find((name) => !/^[\0-\x7f]*$/.test(name))
      : undefined;
    return name === undefined ? this.#withNames(own, segment) : { refused: notAsciiName(name) };
  }

  /**
   * With what it runs by name. A name that is not known here stands for anything: it leaves the access unknown. So does
   * a statement that itself does something to names: followed on and on, one that runs itself would have no end. And
   * so does one that may change where the names behind it, in the same text, are looked for.
   */
  #withNames(own: Analysis, segment: number): Understood | Pending {
    if (!own.effects.some(({ kind }) => kind === "execute" || kind === "fetch"))
      return { analysis: own, own };
    const bodies: Body[] = [];
    const runs = new Map<string, string>();
    let known = true;
    // A name that the text itself gives is not in the session yet.
    const prepared = new Map<string, Analysis>();
    const declared = new Map<string, Analysis>();
    for (const effect of own.effects) {
      if (effect.kind === "prepare") prepared.set(effect.name, effect.body);
      else if (effect.kind === "declare") declared.set(effect.name, effect.body);
      if (effect.kind !== "execute" && effect.kind !== "fetch") continue;
      const inText = (effect.kind === "execute" ? prepared : declared).get(effect.name);
      const body = inText ?? this.#named(effect, segment);
      if (body instanceof Pending || (body !== undefined && "refused" in body)) return body;
      if (body === undefined || !body.effects.every(onSettings)) known = false;
      const changes = body !== undefined && (body.access === "unknown" || body.effects.length > 0);
      if (changes && effect.statement < own.statements - 1) known = false;
      if (body !== undefined) bodies.push({ statement: effect.statement, analysis: body });
      if (inText === undefined) runs.set(`${effect.kind} ${effect.name}`, this.#textOf(effect, segment));
    }
    // Each once, however often it is run: a thousand of them would be a thousand times a text that is as long as texts get.
    return { analysis: combine(own, bodies, known), own, runs: [...runs.values()] };
  }

  #named(
    { kind, name }: { readonly kind: "execute" | "fetch"; readonly name: string },
    segment: number,
  ): Own | Pending | undefined {
    if (kind === "execute") {
      const statement = this.statements.lookUp(name, segment);
      return statement && !(statement instanceof Pending) ? this.#statement(statement) : statement;
    }
    const portal = this.portals.lookUp(name, segment);
    return portal instanceof Pending ? portal : portal?.planned;
  }

  /** The text behind a name that has just been looked up; a portal's with what it was bound to. */
  #textOf(
    { kind, name }: { readonly kind: "execute" | "fetch"; readonly name: string },
    segment: number,
  ): string {
    const found = (kind === "execute" ? this.statements : this.portals).lookUp(name, segment);
    if (!found || found instanceof Pending) return "";
    if ("text" in found) return found.text;
    const { statement, parameters } = found;
    if (parameters.length === 0) return statement.text;
    const bound = parameters.map(({ value }) => value?.toString("base64") ?? null);
    return `${statement.text} ${JSON.stringify(bound)}`;
  }

  /** What a prepared statement does by itself, at this moment: the server looks its names up anew when it has to. */
  #statement(statement: Statement): Own | Pending {
    const reading = this.#reading();
    if (reading instanceof Pending) return reading;
    if (this.#atHand?.reading !== reading) this.#atHand = { reading, own: new Map() };
    const { own: atHand } = this.#atHand;
    const known = atHand.get(statement);
    if (known) return known;
    const { text, body } = statement;
    const own = this.#text(text);
    if (own instanceof Pending || "refused" in own) return own;
    const meant = body ? bodyOf(own) : own;
    if (atHand.size === AT_HAND) atHand.clear();
    atHand.set(statement, meant);
    return meant;
  }

  #reading(): Reading | Pending {
    const { reading, catalog } = this.#options;
    const bare = reading.current;
    const view = catalog.view();
    if (view instanceof Pending) return view;
    this.#unavailable = view === "unavailable";
    if (view === undefined || view === "unavailable") return bare;
    if (this.#seen?.bare !== bare || this.#seen.view !== view) {
      this.#seen = { bare, view, whole: { ...bare, catalog: view } };
    }
    return this.#seen.whole;
  }

  #text(text: string): Own | Pending {
    const { session, analyzer, replication } = this.#options;
    if (replication !== "none") {
      const analysis = analyzeReplication(text);
      if (analysis) return analysis;
      if (replication === "physical") return { refused: replicationOnly(text) };
    }
    const reading = this.#reading();
    if (reading instanceof Pending) return reading;
    if (this.#unavailable && !standsAlone(text)) return { refused: catalogUnavailable(text) };
    if (this.#latest?.text === text && this.#latest.reading === reading) return this.#latest.own;
    const known = analyzer.known(text, reading);
    if (known) return ownOf(text, known);
    return new Pending(
      analyzer.analyze(text, reading, session).then((result) => {
        this.#latest = { text, reading, own: ownOf(text, result) };
      }),
    );
  }
}

/**
 * Transactions and settings, which mean the same whatever the catalog has. Of each repetition only one way to match: a client
 * chooses the text, and must not be able to make this take longer than it is long.
 */
const STANDS_ALONE =
  /^(?:begin|start\s+transaction|commit|end|rollback|abort|show\s+[\w.]+|set\s+[\w.]+(?:\s*=\s*|\s+to\s+)[\w']+)(?:\s+\w+)*\s*;?$/i;

function standsAlone(text: string): boolean {
  return STANDS_ALONE.test(text.trim());
}

const indexes = new WeakMap<CatalogData, CatalogIndex>();

function makesChecked(data: CatalogData, types: readonly number[]): boolean {
  // Mostly there is none, and no index is needed to say so.
  if (!data.types.some(({ checks }) => checks !== undefined)) return false;
  const index = indexes.get(data) ?? new CatalogIndex(data);
  indexes.set(data, index);
  return index.isChecked(types);
}

function nameIn(effect: Effect): string {
  return "name" in effect ? (effect.name ?? "") : "";
}

function ownOf(text: string, result: AnalysisResult): Own {
  const refused = refusedByAnalysis(result, text);
  if (refused) return { refused };
  if (!result.ok) throw new TypeError("An analysis that failed must have been refused.");
  return result.analysis;
}

/** What a PREPARE prepares. */
function bodyOf(analysis: Analysis): Analysis {
  for (const effect of analysis.effects) {
    if (effect.kind === "prepare") return effect.body;
  }
  throw new TypeError("A text that was kept as a PREPARE has none.");
}
