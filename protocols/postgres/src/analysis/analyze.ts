import type { Access } from "@gatehouse/core";
import { type Analysis, widest } from "./analysis.ts";
import { accessOfFunction, isBuiltinFunction, isBuiltinRelation } from "./builtins.ts";
import { asList, asNode, asText, constantText, type Node, namesIn } from "./node.ts";
import { isAdministrative, reportedName, standsAlone } from "./objects.ts";
import { isUnfiltered, readsTarget } from "./rows.ts";
import { effectOfSetting } from "./settings.ts";
import { maySpellSecret, statementKinds } from "./statements.ts";

/** The names that WITH has given, which hide tables of the same name. */
type Scope = ReadonlySet<string>;
const NO_NAMES: Scope = new Set();

const TRANSACTION_VERBS: Readonly<Record<string, string>> = {
  TRANS_STMT_BEGIN: "BEGIN",
  TRANS_STMT_START: "BEGIN",
  TRANS_STMT_COMMIT: "COMMIT",
  TRANS_STMT_ROLLBACK: "ROLLBACK",
  TRANS_STMT_SAVEPOINT: "SAVEPOINT",
  TRANS_STMT_RELEASE: "RELEASE",
  TRANS_STMT_ROLLBACK_TO: "ROLLBACK",
};

/**
 * What a parsed text does. It goes by grammar alone: a view is reported under its own name, a cast
 * is held to be PostgreSQL's own, and so is an operator unless its schema says otherwise, and an unqualified
 * name is read in `schema`, which the gateway sets as the session's search_path.
 *
 * @param stmts the parser's `stmts`
 */
export function analyze(
  stmts: readonly unknown[],
  schema: string,
): Analysis & { readonly spellsSecret: boolean } {
  const walk = new Walk(schema);
  for (const raw of stmts) {
    const statement = asNode(asNode(raw)?.["stmt"]);
    for (const [name, body] of Object.entries(statement ?? {}))
      walk.statement(name, asNode(body) ?? {}, NO_NAMES, true);
  }
  return walk.result(stmts.length);
}

class Walk {
  readonly #schema: string;
  readonly #verbs = new Set<string>();
  readonly #reads = new Set<string>();
  readonly #writes = new Set<string>();
  readonly #functions = new Set<string>();
  readonly #forgottenStatements = new Set<string>();
  readonly #forgottenPortals = new Set<string>();
  readonly #fetches = new Set<string>();
  #forgetsAllStatements = false;
  #forgetsAllPortals = false;
  #access: Access = "read";
  #unfiltered = false;
  #unsupported: string | undefined;
  #spellsSecret = false;

  constructor(schema: string) {
    this.#schema = schema;
  }

  result(statements: number): Analysis & { readonly spellsSecret: boolean } {
    return {
      statements,
      verbs: [...this.#verbs],
      access: this.#access,
      reads: [...this.#reads].sort(),
      writes: [...this.#writes].sort(),
      functions: [...this.#functions].sort(),
      unfiltered: this.#unfiltered,
      ...(this.#unsupported === undefined ? {} : { unsupported: this.#unsupported }),
      forgets: {
        statements: this.#forgetsAllStatements ? "all" : [...this.#forgottenStatements],
        portals: this.#forgetsAllPortals ? "all" : [...this.#forgottenPortals],
      },
      fetches: [...this.#fetches],
      spellsSecret: this.#spellsSecret,
    };
  }

  /** One statement, at the top or inside another (a CTE, EXPLAIN, a cursor's query). */
  statement(name: string, body: Node, outer: Scope, top: boolean): void {
    const kind = statementKinds.get(name);
    this.#widen(kind?.access ?? "unknown");
    // A query inside a statement is part of it; a change inside a query is news.
    if (kind === undefined) this.#verbs.add(name);
    else if (top || kind.verb !== "SELECT") this.#verbs.add(kind.verb);
    if (maySpellSecret.has(name)) this.#spellsSecret = true;
    const scope = this.#with(body["withClause"], outer);
    switch (name) {
      case "SelectStmt":
        this.#select(body, scope);
        break;
      case "InsertStmt":
      case "UpdateStmt":
      case "DeleteStmt":
      case "MergeStmt":
        this.#change(name, body, scope);
        break;
      case "TruncateStmt":
        this.#unfiltered = true;
        this.#writesTo(body["relations"]);
        break;
      case "LockStmt":
        this.#writesTo(body["relations"]);
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
        this.#set(body);
        break;
      case "PrepareStmt":
      case "DeallocateStmt":
      case "DeclareCursorStmt":
      case "ClosePortalStmt":
      case "DiscardStmt":
        this.#forget(name, body);
        this.#children(body, scope);
        break;
      case "FetchStmt":
        this.#fetches.add(asText(body["portalname"]) ?? "");
        break;
      case "GrantStmt":
      case "GrantRoleStmt":
        if (body["is_grant"] !== true) {
          this.#verbs.delete("GRANT");
          this.#verbs.add("REVOKE");
        }
        this.#definition(body, scope);
        break;
      case "DropStmt":
        for (const object of asList(body["objects"])) this.#object(body, object);
        break;
      case "CommentStmt":
      case "SecLabelStmt":
        this.#object(body, body["object"]);
        break;
      case "CallStmt":
        this.#functions.add(
          this.#functionName(namesIn({ List: { items: asNode(body["funccall"])?.["funcname"] } })),
        );
        this.#children(body, scope);
        break;
      default:
        this.#definition(body, scope);
    }
  }

  #select(body: Node, scope: Scope): void {
    const into = asNode(asNode(body["intoClause"])?.["rel"]);
    if (into) {
      this.#widen("ddl");
      this.#verbs.add("SELECT INTO");
      this.#writesRelation(into);
    }
    if (body["lockingClause"] !== undefined) {
      // FOR UPDATE keeps others from changing the rows, and needs the right to change them.
      this.#widen("write");
      const locked = new Walk(this.#schema);
      locked.#children({ from: body["fromClause"] }, scope);
      for (const name of locked.#reads) this.#writesName(name);
    }
    for (const side of ["larg", "rarg"]) {
      const operand = asNode(body[side]);
      if (operand) this.#select(operand, this.#with(operand["withClause"], scope));
    }
    const {
      withClause: _with,
      intoClause: _into,
      lockingClause: _locking,
      larg: _l,
      rarg: _r,
      ...rest
    } = body;
    this.#children(rest, scope);
  }

  #change(name: string, body: Node, scope: Scope): void {
    const { withClause: _with, relation, ...rest } = body;
    const target = this.#relation(asNode(relation) ?? {});
    this.#writesName(target);
    // The view's rule makes it a SET, of whatever name the rows have.
    if (target === "pg_catalog.pg_settings") {
      this.#unsupported ??= "Settings are changed by SET, and not through pg_settings.";
    }
    if (readsTarget(name, rest)) this.#reads.add(target);
    if (isUnfiltered(name, rest)) this.#unfiltered = true;
    if (asNode(rest["onConflictClause"])?.["action"] === "ONCONFLICT_UPDATE") this.#verbs.add("UPDATE");
    for (const clause of asList(rest["mergeWhenClauses"])) {
      const action = asText(asNode(asNode(clause)?.["MergeWhenClause"])?.["commandType"]) ?? "";
      const verb = /^CMD_(INSERT|UPDATE|DELETE)$/.exec(action)?.[1];
      if (verb !== undefined) this.#verbs.add(verb);
    }
    this.#children(rest, scope);
  }

  #copy(body: Node, scope: Scope): void {
    const { relation, ...rest } = body;
    const table = asNode(relation);
    if (body["is_from"] === true) {
      this.#widen("write");
      if (table) this.#writesRelation(table);
    } else if (table) this.#reads.add(this.#relation(table));
    // A file or a program of the server's machine.
    if (body["is_program"] === true || body["filename"] !== undefined) this.#widen("admin");
    this.#children(rest, scope);
  }

  #explain(body: Node, scope: Scope): void {
    const runs = asList(body["options"]).some((option) => {
      const element = asNode(asNode(option)?.["DefElem"]);
      if (element?.["defname"] !== "analyze") return false;
      const value = element["arg"] === undefined ? "true" : constantText(element["arg"]);
      return value === undefined || !/^(off|false|no|0)$/i.test(value);
    });
    if (runs) {
      this.#children({ query: body["query"] }, scope);
      return;
    }
    // Planned but not run: what it would write is only looked at. Planning may call functions, so that a
    // function which is not known stays unknown.
    const planned = new Walk(this.#schema);
    planned.#children({ query: body["query"] }, scope);
    for (const name of [...planned.#reads, ...planned.#writes]) this.#reads.add(name);
    for (const name of planned.#functions) this.#functions.add(name);
    this.#unsupported ??= planned.#unsupported;
    this.#widen(planned.#access === "write" || planned.#access === "ddl" ? "read" : planned.#access);
  }

  #transaction(kind: string): void {
    const verb = TRANSACTION_VERBS[kind];
    this.#verbs.delete("TRANSACTION");
    this.#verbs.add(verb ?? "PREPARE TRANSACTION");
    // A prepared transaction outlives its session and holds its locks until somebody ends it.
    if (verb === undefined) this.#widen("admin");
  }

  #set(body: Node): void {
    const name = asText(body["name"]) ?? "";
    switch (body["kind"]) {
      case "VAR_RESET_ALL":
      case "VAR_SET_MULTI":
        return;
      case "VAR_SET_VALUE": {
        const values = asList(body["args"]).map(constantText);
        const [only] = values;
        this.#setting(name, values.length === 1 ? only : undefined);
        return;
      }
      default: {
        this.#setting(name, null);
        return;
      }
    }
  }

  #setting(name: string, value: string | null | undefined): void {
    const effect = effectOfSetting(name, value);
    if ("unsupported" in effect) this.#unsupported ??= effect.unsupported;
    else this.#widen(effect.access);
  }

  /** Names that mean something else, or nothing, once this has run. */
  #forget(name: string, body: Node): void {
    const object = asText(body[name === "PrepareStmt" || name === "DeallocateStmt" ? "name" : "portalname"]);
    if (name === "DiscardStmt") {
      if (body["target"] !== "DISCARD_ALL") return;
      this.#forgetsAllStatements = true;
      this.#forgetsAllPortals = true;
    } else if (name === "PrepareStmt" || name === "DeallocateStmt") {
      if (object === undefined) this.#forgetsAllStatements = true;
      else this.#forgottenStatements.add(object);
    } else if (object === undefined) this.#forgetsAllPortals = true;
    else this.#forgottenPortals.add(object);
  }

  /** DDL and administration: the relation that the statement is about is written; queries inside are read. */
  #definition(body: Node, scope: Scope): void {
    if (isAdministrative(body)) this.#widen("admin");
    const rest: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(body)) {
      const relation = key === "into" ? asNode(asNode(value)?.["rel"]) : asNode(value);
      if (relation?.["relname"] !== undefined) this.#writesRelation(relation);
      else if (key === "base") this.#definition(relation ?? {}, scope);
      else if (key === "objects") this.#writesTo(value);
      else rest[key] = value;
    }
    this.#children(rest, scope);
  }

  /** An object that a DROP or a COMMENT names. */
  #object(body: Node, object: unknown): void {
    if (isAdministrative(body)) this.#widen("admin");
    const names = reportedName(body, object);
    this.#writesName(standsAlone(body) ? names.map(quoted).join(".") : this.#qualified(names));
  }

  #writesTo(relations: unknown): void {
    for (const item of asList(relations)) {
      const relation = asNode(asNode(item)?.["RangeVar"]);
      if (relation) this.#writesRelation(relation);
    }
  }

  #writesRelation(relation: Node): void {
    this.#writesName(this.#relation(relation));
  }

  /** Whoever changes a system catalog changes the server. */
  #writesName(name: string): void {
    this.#writes.add(name);
    if (name.startsWith("pg_catalog.")) this.#widen("admin");
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
        if (key === "AlterTableCmd" && isAdministrative(body)) this.#widen("admin");
        // The names of operators, where they stand: in an expression, before ANY or ALL, in ORDER BY.
        const operator = body["operName"] ?? body["useOp"] ?? (key === "A_Expr" ? body["name"] : undefined);
        if (operator !== undefined) this.#operator(operator);
        if (key === "RangeTableSample") this.#called(namesIn({ List: { items: body["method"] } }));
        if (key === "A_Indirection") this.#attributes(body["indirection"]);
        this.#children(body, scope);
      }
    }
  }

  #read(relation: Node, scope: Scope): void {
    const hidden = relation["schemaname"] === undefined && scope.has(asText(relation["relname"]) ?? "");
    if (!hidden) this.#reads.add(this.#relation(relation));
  }

  #call(call: Node, scope: Scope): void {
    const names = namesIn({ List: { items: call["funcname"] } });
    const name = names.at(-1) ?? "";
    this.#functions.add(this.#functionName(names));
    if (name === "set_config" && (names.length === 1 || names[0] === "pg_catalog")) {
      const [setting, value] = asList(call["args"]).map(constantText);
      if (setting === undefined) this.#unsupported ??= "The name of the setting has to be a literal.";
      else this.#setting(setting, value);
    } else {
      this.#called(names);
    }
    this.#children(call, scope);
  }

  #called(names: readonly string[]): void {
    this.#functions.add(this.#functionName(names));
    this.#widen(accessOfFunction(names.length > 1 ? names[0] : undefined, names.at(-1) ?? ""));
  }

  /** `(x).name` reads a field of x, or calls the function `name` with it: which of the two, grammar can't tell. */
  #attributes(indirection: unknown): void {
    for (const step of asList(indirection)) {
      const names = namesIn(step);
      if (names.length > 0) this.#called(names);
    }
  }

  /** `a OPERATOR(public.+) b` calls whatever function somebody has put behind that name. */
  #operator(name: unknown): void {
    const names = namesIn({ List: { items: name } });
    if (names.length < 2 || names[0] === "pg_catalog") return;
    this.#functions.add(names.map(quoted).join("."));
    this.#widen("unknown");
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

  #relation(relation: Node): string {
    const name = asText(relation["relname"]) ?? "";
    const schema = asText(relation["schemaname"]);
    return this.#qualified(schema === undefined ? [name] : [schema, name]);
  }

  #functionName(names: readonly string[]): string {
    const [only] = names;
    if (names.length === 1 && only !== undefined && isBuiltinFunction(only)) return `pg_catalog.${only}`;
    return this.#qualified(names);
  }

  #qualified(names: readonly string[]): string {
    const [only] = names;
    if (names.length === 1 && only !== undefined) {
      return `${isBuiltinRelation(only) ? "pg_catalog" : quoted(this.#schema)}.${quoted(only)}`;
    }
    return names.map(quoted).join(".");
  }

  #widen(access: Access): void {
    this.#access = widest(this.#access, access);
  }
}

/** A dot inside a name must not look like the one between names. */
function quoted(name: string): string {
  return /[."]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}
