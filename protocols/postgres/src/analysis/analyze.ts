import { type Analysis, onSettings, type Reading } from "./analysis.ts";
import { copyFormat } from "./copy-format.ts";
import { redefines } from "./definitions.ts";
import { Expressions } from "./expressions.ts";
import { Findings } from "./findings.ts";
import { locksOf } from "./locks.ts";
import { functionNames, Names, rangeIn, withoutDatabase } from "./names.ts";
import { asList, asNode, asNumber, asText, constantText, type Node } from "./node.ts";
import { isAdministrative, reportedName, standsAlone } from "./objects.ts";
import { Resolution } from "./resolution.ts";
import { eventsOf, isUnfiltered, isUnlimited, readsTarget } from "./rows.ts";
import { dotted } from "./search-path.ts";
import { effectOfSetting } from "./settings.ts";
import type { Surroundings } from "./surroundings.ts";
import { maySpellSecret, statementKinds, verbOf } from "./statements.ts";

/** The names that WITH has given, which hide tables of the same name. */
type Scope = ReadonlySet<string>;
const NO_NAMES: Scope = new Set();

/** The server reads a whole text at once, but looks names up statement by statement. */
const UNCERTAIN =
  "It names something without its schema, behind or inside a statement that may change where names are looked for.";

/** Statements that read or change rows. */
const ROWS =
  /^(Select|Insert|Update|Delete|Merge|Copy|Execute|Explain|DeclareCursor|Prepare|Truncate|CreateTableAs)Stmt$/;

/** CURSOR_OPT_HOLD (parsenodes.h). */
const WITH_HOLD = 0x20;

/** What was found in a text, and what the thread has to know of it. */
export interface Found {
  readonly analysis: Analysis;
  /** It holds for this text, and not for one that has other literals. */
  readonly literals: boolean;
  readonly spellsSecret: boolean;
}

/**
 * What a parsed text does. Without surroundings it goes by grammar alone: a view is reported under its own name, a cast
 * is held to be PostgreSQL's own, and so is an operator unless its schema or the search_path says otherwise.
 *
 * @param stmts the parser's `stmts` of this text
 */
export function analyze(
  text: string,
  stmts: readonly unknown[],
  reading: Reading,
  surroundings?: Surroundings,
): Found {
  const walk = new Walk(text, reading, surroundings);
  for (const [index, raw] of stmts.entries()) walk.top(index, asNode(raw) ?? {});
  return walk.found(stmts.length);
}

class Walk {
  readonly #text: string;
  readonly #resolution: Resolution;
  readonly #names: Names;
  readonly #expressions: Expressions;
  readonly #surroundings: Surroundings | undefined;
  #findings: Findings;
  /** Inside EXPLAIN, which declares no cursor. */
  #explaining = false;
  /** Behind the beginning of a definition, whose expressions are kept. */
  #defining = false;
  /** The top statement's own text, by its place in UTF-8. */
  #place = { start: 0, length: 0 };

  constructor(text: string, reading: Reading, surroundings: Surroundings | undefined) {
    this.#text = text;
    this.#surroundings = surroundings;
    this.#findings = new Findings(surroundings);
    this.#resolution = new Resolution(reading);
    this.#names = new Names(this.#resolution, surroundings, () => this.#findings.refuse(UNCERTAIN));
    this.#expressions = new Expressions(this.#names, surroundings?.catalog, () => this.#findings);
  }

  found(statements: number): Found {
    const { literals, spellsSecret } = this.#findings;
    return { analysis: this.#findings.analysis(statements), literals, spellsSecret };
  }

  /** The text's next statement, with all that the ones before it have done. */
  top(index: number, raw: Node): void {
    this.#findings.statement = index;
    this.#place = { start: asNumber(raw["stmt_location"]), length: asNumber(raw["stmt_len"]) };
    this.#defining = false;
    const defined = this.#surroundings !== undefined && this.#findings.hasDefined;
    for (const [name, body] of Object.entries(asNode(raw["stmt"]) ?? {})) {
      // What was defined before it may run beside it, and no catalog has that yet.
      if (defined && ROWS.test(name)) this.#findings.widen("unknown");
      this.statement(name, asNode(body) ?? {}, NO_NAMES, true);
      if (name === "CreateTableAsStmt" || asNode(body)?.["intoClause"] !== undefined) {
        this.#findings.makesTable();
      }
    }
    this.#resolution.next();
  }

  /** One statement, at the top or inside another (a CTE, EXPLAIN, a cursor's query). */
  statement(name: string, body: Node, outer: Scope, top: boolean): void {
    const kind = statementKinds.get(name);
    this.#findings.widen(kind?.access ?? "unknown");
    // A query inside a statement is part of it; a change inside a query is news.
    if (top || kind?.verb !== "SELECT") this.#findings.verb(verbOf(name, body));
    if (maySpellSecret.has(name)) this.#findings.spellsSecret = true;
    if (kind?.access === "ddl" || kind?.access === "admin") {
      if (redefines(name, body)) this.#findings.defines();
      this.#defining = true;
    }
    this.#findings.locks(locksOf(name, body));
    const scope = this.#with(body["withClause"], outer);
    switch (name) {
      case "SelectStmt":
        if (top && isUnlimited(body)) this.#findings.unlimited();
        this.#select(body, scope);
        break;
      case "InsertStmt":
      case "UpdateStmt":
      case "DeleteStmt":
      case "MergeStmt":
        this.#change(name, body, scope);
        break;
      case "TruncateStmt":
        this.#findings.unfiltered();
        this.#findings.changes(this.#relationsIn(body["relations"]), "truncate");
        break;
      case "LockStmt":
        this.#findings.lockRows(this.#relationsIn(body["relations"]));
        break;
      case "RefreshMatViewStmt":
        this.#findings.changes(this.#names.relation(asNode(body["relation"]) ?? {}), "update");
        break;
      case "CopyStmt":
        this.#copy(body, scope);
        break;
      case "ExplainStmt":
        this.#explain(body, scope);
        break;
      case "TransactionStmt":
        this.#transaction(asText(body["kind"]) ?? "");
        break;
      case "VariableSetStmt":
        this.#set(body, top);
        break;
      case "PrepareStmt":
      case "DeclareCursorStmt":
      case "ExecuteStmt":
      case "FetchStmt":
      case "DeallocateStmt":
      case "ClosePortalStmt":
      case "DiscardStmt":
        this.#named(name, body, scope);
        break;
      case "DropStmt":
        for (const object of asList(body["objects"])) this.#object(body, object);
        break;
      case "CommentStmt":
      case "SecLabelStmt":
        this.#object(body, body["object"]);
        break;
      case "CallStmt":
        this.#findings.calls(this.#names.functions(functionNames(asNode(body["funccall"])?.["funcname"])));
        this.#children(body, scope);
        break;
      case "CreateSchemaStmt": {
        const schema = asText(body["schemaname"]) ?? asText(asNode(body["authrole"])?.["rolename"]);
        this.#resolution.inside(schema, body["authrole"] !== undefined, () => this.#definition(body, scope));
        break;
      }
      default:
        this.#definition(body, scope);
    }
  }

  #select(body: Node, scope: Scope): void {
    const into = asNode(asNode(body["intoClause"])?.["rel"]);
    if (into) {
      this.#findings.widen("ddl");
      this.#findings.verb("SELECT INTO");
      this.#findings.writes(this.#names.relation(into));
    }
    if (body["lockingClause"] !== undefined) {
      // FOR UPDATE keeps others from changing the rows, and needs the right to change them.
      this.#findings.widen("write");
      // Looked at once, however deep it nests.
      this.#findings.includeLocked(this.#apart(() => this.#children({ from: body["fromClause"] }, scope)));
    } else {
      this.#children({ from: body["fromClause"] }, scope);
    }
    for (const side of ["larg", "rarg"]) {
      const operand = asNode(body[side]);
      if (operand) this.#select(operand, this.#with(operand["withClause"], scope));
    }
    const {
      withClause: _with,
      intoClause: _into,
      lockingClause: _locking,
      fromClause: _from,
      larg: _l,
      rarg: _r,
      ...rest
    } = body;
    this.#children(rest, scope);
  }

  #change(name: string, body: Node, scope: Scope): void {
    const { withClause: _with, relation, ...rest } = body;
    const target = this.#names.relation(asNode(relation) ?? {});
    this.#findings.writes(target);
    for (const event of eventsOf(name, rest)) this.#findings.changes(target, event);
    // The view's rule makes it a SET, of whatever name the rows have.
    if (target.includes("pg_catalog.pg_settings")) {
      this.#findings.refuse("Settings are changed by SET, and not through pg_settings.");
    }
    if (readsTarget(name, rest)) this.#findings.reads(target);
    if (isUnfiltered(name, rest)) this.#findings.unfiltered();
    if (asNode(rest["onConflictClause"])?.["action"] === "ONCONFLICT_UPDATE") this.#findings.verb("UPDATE");
    for (const clause of asList(rest["mergeWhenClauses"])) {
      const action = asText(asNode(asNode(clause)?.["MergeWhenClause"])?.["commandType"]) ?? "";
      const verb = /^CMD_(INSERT|UPDATE|DELETE)$/.exec(action)?.[1];
      if (verb !== undefined) this.#findings.verb(verb);
    }
    this.#children(rest, scope);
  }

  #copy(body: Node, scope: Scope): void {
    const { relation, ...rest } = body;
    const table = asNode(relation);
    if (body["is_from"] === true) {
      this.#findings.widen("write");
      if (table) this.#findings.changes(this.#names.relation(table), "insert");
    } else if (table) this.#findings.reads(this.#names.relation(table));
    // A file or a program of the server's machine.
    if (body["is_program"] === true || body["filename"] !== undefined) this.#findings.widen("admin");
    else if (body["is_from"] !== true) {
      // Its options are literals.
      this.#findings.literals = true;
      this.#findings.copies(copyFormat(body));
    }
    this.#children(rest, scope);
  }

  #explain(body: Node, scope: Scope): void {
    const runs = asList(body["options"]).some((option) => {
      const element = asNode(asNode(option)?.["DefElem"]);
      if (element?.["defname"] !== "analyze") return false;
      const value = element["arg"] === undefined ? "true" : this.#literal(element["arg"]);
      return value === undefined || !/^(off|false|no|0)$/i.test(value);
    });
    this.#explaining = true;
    if (runs) this.#children({ query: body["query"] }, scope);
    else this.#findings.includePlanned(this.#apart(() => this.#children({ query: body["query"] }, scope)));
    this.#explaining = false;
  }

  #transaction(kind: string): void {
    if (/^TRANS_STMT_(COMMIT|ROLLBACK|ROLLBACK_TO|PREPARE)$/.test(kind)) {
      this.#findings.effect({ kind: "transaction" });
      this.#resolution.transactionEnds();
    }
    // A prepared transaction outlives its session and holds its locks until somebody ends it.
    if (/PREPARE/.test(kind)) this.#findings.widen("admin");
  }

  /** @param own whether it is the session's own setting, and not one that a function or a role is given */
  #set(body: Node, own: boolean): void {
    const name = asText(body["name"]) ?? "";
    switch (body["kind"]) {
      case "VAR_RESET_ALL":
        this.#findings.effect({ kind: "reading" });
        this.#resolution.pathIsReset();
        return;
      case "VAR_SET_MULTI":
        return;
      case "VAR_SET_VALUE": {
        const values = asList(body["args"]).map((value) => this.#literal(value));
        const [only] = values;
        this.#setting(name, values.length === 1 ? only : undefined, own);
        if (own && name.toLowerCase() === "search_path") this.#resolution.pathIsSet(values);
        return;
      }
      case "VAR_SET_CURRENT":
        this.#setting(name, null, own);
        if (own && name.toLowerCase() === "search_path") this.#resolution.pathIsKept();
        return;
      default:
        this.#setting(name, null, own);
    }
  }

  #setting(name: string, value: string | null | undefined, own = true): void {
    const effect = effectOfSetting(name, value);
    if ("unsupported" in effect) {
      this.#findings.refuse(effect.unsupported);
      return;
    }
    this.#findings.widen(effect.access);
    if (!own || !effect.reading) return;
    this.#findings.effect({ kind: "reading" });
    if (name.toLowerCase() === "search_path") this.#resolution.pathIsReset();
    else if (effect.access === "admin") this.#resolution.userChanges();
  }

  /** What gives a name to something, runs it by its name, or takes the name back. */
  #named(kind: string, body: Node, scope: Scope): void {
    const findings = this.#findings;
    const name = asText(body["name"] ?? body["portalname"]);
    switch (kind) {
      case "PrepareStmt": {
        const part = this.#body(body["query"], scope);
        findings.include(part);
        for (const type of asList(body["argtypes"])) this.#expressions.cast(asNode(type)?.["TypeName"]);
        // The text is kept, and it holds literals.
        findings.literals = true;
        findings.effect({ kind: "prepare", name: name ?? "", text: this.#ownText(), body: part.analysis(1) });
        break;
      }
      case "DeclareCursorStmt": {
        const part = this.#body(body["query"], scope);
        findings.include(part);
        if (this.#explaining) break;
        findings.literals = true;
        const hold = (asNumber(body["options"]) & WITH_HOLD) !== 0;
        const text = this.#ownText();
        const query = part.analysis(1);
        findings.effect({ kind: "declare", name: name ?? "", hold, text, body: query });
        // The transaction's end runs it to its end.
        if (hold && query.effects.some(onSettings)) findings.effect({ kind: "reading" });
        break;
      }
      case "ExecuteStmt":
        this.#children({ params: body["params"] }, scope);
        // The server looks the names of what was prepared up anew when the path is another.
        if (this.#resolution.changed) findings.refuse(UNCERTAIN);
        findings.runsByName();
        findings.effect({ kind: "execute", name: name ?? "" });
        break;
      case "FetchStmt":
        findings.runsByName();
        findings.effect({ kind: "fetch", name: name ?? "" });
        break;
      case "DeallocateStmt":
        findings.effect({ kind: "deallocate", name });
        break;
      case "ClosePortalStmt":
        findings.effect({ kind: "close", name });
        break;
      default:
        if (body["target"] !== "DISCARD_ALL") return;
        findings.effect({ kind: "discard" });
        findings.effect({ kind: "reading" });
        this.#resolution.pathIsReset();
    }
  }

  /** A statement that is given a name here, to be run under it later. */
  #body(query: unknown, scope: Scope): Findings {
    return this.#apart(() => {
      for (const [name, body] of Object.entries(asNode(query) ?? {}))
        this.statement(name, asNode(body) ?? {}, scope, true);
    });
  }

  /** What is found by `look`, kept apart from what else the text does. */
  #apart(look: () => void): Findings {
    const outer = this.#findings;
    const part = new Findings(this.#surroundings);
    this.#findings = part;
    look();
    this.#findings = outer;
    return part;
  }

  #ownText(): string {
    const bytes = Buffer.from(this.#text, "utf8");
    const { start, length } = this.#place;
    return bytes.toString("utf8", start, length === 0 ? undefined : start + length);
  }

  /** What a literal says. Who asks has looked at more than the text's shape. */
  #literal(value: unknown): string | undefined {
    this.#findings.literals = true;
    return constantText(value);
  }

  /** DDL and administration: the relation that the statement is about is written; queries inside are read. */
  #definition(body: Node, scope: Scope): void {
    if (isAdministrative(body)) this.#findings.widen("admin");
    const rest: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(body)) {
      const relation = rangeIn(key === "into" ? asNode(value)?.["rel"] : value);
      if (relation) this.#findings.writes(this.#names.relation(relation));
      else if (key === "base") this.#definition(asNode(value) ?? {}, scope);
      else if (key === "objects") this.#findings.writes(this.#relationsIn(value));
      else rest[key] = value;
    }
    this.#children(rest, scope);
  }

  /** An object that a DROP or a COMMENT names. */
  #object(body: Node, object: unknown): void {
    if (isAdministrative(body)) this.#findings.widen("admin");
    const names = reportedName(body, object);
    this.#findings.writes(standsAlone(body) ? [dotted(names)] : this.#names.object(names));
  }

  #relationsIn(list: unknown): readonly string[] {
    return asList(list).flatMap((item) => {
      const relation = rangeIn(asNode(item)?.["RangeVar"]);
      return relation ? this.#names.relation(relation) : [];
    });
  }

  /** Every node below, whatever its kind. */
  #children(value: unknown, scope: Scope): void {
    if (Array.isArray(value)) {
      for (const item of value as unknown[]) this.#children(item, scope);
      return;
    }
    const node = asNode(value);
    if (!node) return;
    for (const [key, child] of Object.entries(node)) {
      const body = asNode(child);
      if (body === undefined) this.#children(child, scope);
      // The parser leaves the node's name out where the grammar has room for nothing but a relation.
      else if (body["relname"] !== undefined) this.#read(body, scope);
      else if (key === "PartitionCmd" || key === "VacuumRelation") this.#definition(body, scope);
      else if (key === "FuncCall") this.#call(body, scope);
      else if (key.endsWith("Stmt") && /^[A-Z]/.test(key)) this.statement(key, body, scope, false);
      else {
        if (key === "AlterTableCmd" && isAdministrative(body)) this.#findings.widen("admin");
        this.#expressions.node(key, body);
        this.#children(body, scope);
      }
    }
  }

  #read(relation: Node, scope: Scope): void {
    const hidden = relation["schemaname"] === undefined && scope.has(asText(relation["relname"]) ?? "");
    if (!hidden) this.#findings.reads(this.#names.relation(relation));
  }

  #call(call: Node, scope: Scope): void {
    const names = withoutDatabase(functionNames(call["funcname"]));
    const name = names.at(-1) ?? "";
    if (name === "set_config" && (names.length === 1 || names[0] === "pg_catalog")) {
      const [setting, value] = asList(call["args"]).map((argument) => this.#literal(argument));
      // A default that sets something does so whenever it is put in.
      if (this.#defining) this.#findings.defines();
      if (setting === undefined) this.#findings.refuse("The name of the setting has to be a literal.");
      else this.#setting(setting, value);
      this.#findings.calls(this.#names.functions(names));
      if (this.#names.hides(names)) this.#findings.widen("unknown");
    } else {
      this.#expressions.called(names);
    }
    this.#children(call, scope);
  }

  /** The scope inside a statement with this WITH: each CTE sees those before it, or all if it is RECURSIVE. */
  #with(clause: unknown, outer: Scope): Scope {
    const node = asNode(clause);
    if (!node) return outer;
    const ctes = asList(node["ctes"]).map((cte) => asNode(asNode(cte)?.["CommonTableExpr"]) ?? {});
    const names = ctes.map((cte) => asText(cte["ctename"]) ?? "");
    const all = new Set([...outer, ...names]);
    for (const [index, cte] of ctes.entries()) {
      const visible = node["recursive"] === true ? all : new Set([...outer, ...names.slice(0, index)]);
      this.#children({ ctequery: cte["ctequery"] }, visible);
    }
    return all;
  }
}
