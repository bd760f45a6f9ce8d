import { asList, asNode, asText, type Node } from "../analysis/node.ts";
import { dotted } from "../analysis/search-path.ts";
import { change, copyInto, listedNames, truncate } from "./changes.ts";
import { sourcesIn } from "./expressions.ts";
import { namedIn, relationOf } from "./relations.ts";
import { EMPTY_SCOPE, fieldOf, type Scope } from "./scope.ts";
import { select } from "./select.ts";
import type { Trace } from "./trace.ts";
import { castType } from "./types.ts";
import { CLEAN, fieldsNamed, type Shape } from "./values.ts";

/** They show no values and move none, whatever they name. */
const WITHOUT_VALUES: ReadonlySet<string> = new Set([
  ...["ClosePortalStmt", "ConstraintsSetStmt", "DeallocateStmt", "DiscardStmt", "ListenStmt", "LockStmt"],
  ...["NotifyStmt", "TransactionStmt", "UnlistenStmt", "VariableSetStmt", "CheckPointStmt"],
  ...["CommentStmt", "CreateSeqStmt", "DropStmt"],
  ...["CreateEnumStmt", "CompositeTypeStmt", "GrantStmt", "GrantRoleStmt"],
]);

/** A query, or a change with RETURNING, wherever one may stand. */
export function query(node: unknown, scope: Scope, trace: Trace): Shape {
  const [[kind, value] = ["", undefined]] = Object.entries(asNode(node) ?? {});
  const body = asNode(value) ?? {};
  switch (kind) {
    case "SelectStmt": {
      const shape = select(body, scope, trace);
      const into = intoOf(body);
      if (into) created(into, "table", shape, trace);
      return shape;
    }
    case "InsertStmt":
    case "UpdateStmt":
    case "DeleteStmt":
    case "MergeStmt":
      return change(kind, body, scope, trace);
    default:
      trace.gap(`${kind} where a query is expected`);
      return { fields: [] };
  }
}

/** A statement of a text: the columns of its answer, or undefined where it gives none. */
export function statement(kind: string, body: Node, trace: Trace): Shape | undefined {
  switch (kind) {
    case "SelectStmt": {
      const shape = trace.query({ [kind]: body }, EMPTY_SCOPE);
      return intoOf(body) ? undefined : shape;
    }
    case "InsertStmt":
    case "UpdateStmt":
    case "DeleteStmt":
    case "MergeStmt": {
      const shape = trace.query({ [kind]: body }, EMPTY_SCOPE);
      return body["returningClause"] === undefined ? undefined : shape;
    }
    case "TruncateStmt":
      for (const item of asList(body["relations"])) truncate(asNode(asNode(item)?.["RangeVar"]) ?? {}, trace);
      return undefined;
    case "CopyStmt":
      return copy(body, trace);
    // What they give is given later, under the name that they make.
    case "PrepareStmt":
    case "DeclareCursorStmt":
      for (const type of asList(body["argtypes"])) castType(asNode(type)?.["TypeName"], trace);
      return inner(body["query"], trace);
    case "ExplainStmt":
      // The plan shows how many rows there are, and none of their values.
      inner(body["query"], trace);
      return fieldsNamed(["QUERY PLAN"], CLEAN);
    case "VariableShowStmt":
      return fieldsNamed(
        body["name"] === "all" ? ["name", "setting", "description"] : [asText(body["name"]) ?? ""],
        CLEAN,
      );
    case "CreateTableAsStmt": {
      const shape = inner(body["query"], trace);
      const what = body["objtype"] === "OBJECT_MATVIEW" ? "materialized view" : "table";
      if (shape) created(asNode(asNode(body["into"])?.["rel"]) ?? {}, what, shape, trace);
      return undefined;
    }
    case "ViewStmt":
      created(asNode(body["view"]) ?? {}, "view", trace.query(body["query"], EMPTY_SCOPE), trace);
      return undefined;
    case "CreateStmt":
      tableMade(body, trace);
      return undefined;
    case "IndexStmt": {
      const { shape } = namedIn(asNode(body["relation"]) ?? {}, EMPTY_SCOPE, trace);
      const scope: Scope = { items: [{ shape, columns: true }] };
      // An error names the values that it finds twice.
      for (const name of asList(body["indexParams"]).map(
        (item) => asNode(asNode(item)?.["IndexElem"])?.["name"],
      )) {
        trace.read(fieldOf(shape, asText(name) ?? "", trace) ?? CLEAN);
      }
      sourcesIn([body["indexParams"], body["whereClause"] ?? []], scope, trace);
      return undefined;
    }
    case "ClusterStmt":
      trace.triggers = true;
      clustered(asNode(body["relation"]), trace);
      return undefined;
    case "RefreshMatViewStmt":
    case "ReindexStmt":
    case "VacuumStmt":
      trace.triggers = true;
      return undefined;
    case "ExecuteStmt":
    case "FetchStmt":
      trace.gap(`what ${asText(body["name"] ?? body["portalname"]) ?? "it"} stands for`);
      return undefined;
    default:
      if (!WITHOUT_VALUES.has(kind)) trace.gap(`a statement of the kind ${kind.replace(/Stmt$/, "")}`);
      return undefined;
  }
}

/** Where SELECT INTO puts the rows: it stands in the first part of a set operation. */
function intoOf(body: Node): Node | undefined {
  let part: Node | undefined = body;
  while (part) {
    const into = asNode(asNode(part["intoClause"])?.["rel"]);
    if (into) return into;
    part = asNode(part["larg"]);
  }
  return undefined;
}

/** A statement inside another. */
function inner(node: unknown, trace: Trace): Shape | undefined {
  const [[kind, body] = ["", undefined]] = Object.entries(asNode(node) ?? {});
  return trace.deeper(() => statement(kind, asNode(body) ?? {}, trace));
}

/** EXECUTE or FETCH that is a statement of its own: beside what stands behind the name, there are its parameters. */
export function runByName(body: Node, trace: Trace): undefined {
  // The server takes no queries there; what it did take would come out where nobody looks for it.
  const given = sourcesIn([body["params"] ?? []], EMPTY_SCOPE, trace);
  if (given.size > 0) trace.gap("the parameters of EXECUTE");
}

/** The values go where others find them, under a name that no mask knows. */
function created(range: Node, what: string, shape: Shape, trace: Trace): void {
  const name = asText(range["relname"]) ?? "";
  const schema = asText(range["schemaname"]) ?? trace.surroundings.path[0];
  const to =
    range["relpersistence"] === "t" || schema === undefined
      ? `temporary ${what} ${name}`
      : `${what} ${dotted([schema, name])}`;
  trace.flow(trace.all(shape), to);
}

/** A table of its own has no values; what it inherits or takes over from others may give theirs other names. */
function tableMade(body: Node, trace: Trace): void {
  if (body["inhRelations"] !== undefined || body["partbound"] !== undefined)
    trace.gap("CREATE TABLE as a part of another");
  const columns = asList(body["tableElts"]).map((item) => asNode(asNode(item)?.["ColumnDef"])?.["colname"]);
  const fields = columns.flatMap((name) => asText(name) ?? []).map((name) => ({ name, value: CLEAN }));
  for (const item of asList(body["tableElts"])) {
    const column = asNode(asNode(item)?.["ColumnDef"]);
    const constraints = [column?.["constraints"] ?? [], asNode(item)?.["Constraint"] ?? []].flat();
    for (const one of constraints) {
      const constraint = asNode(asNode(one)?.["Constraint"]) ?? asNode(one) ?? {};
      sourcesIn(constraint["raw_expr"] ?? [], { items: [{ shape: { fields }, columns: true }] }, trace);
    }
  }
}

/** Rows are stored in the order of an index, and come in that order from then on. Of which columns it is, is not known. */
function clustered(table: Node | undefined, trace: Trace): void {
  if (!table) {
    trace.gap("CLUSTER of every table");
    return;
  }
  trace.add(trace.predicates, trace.all(namedIn(table, EMPTY_SCOPE, trace).shape));
}

/** COPY: what it sends to the client is its answer. */
function copy(body: Node, trace: Trace): Shape | undefined {
  const table = asNode(body["relation"]);
  const columns = listedNames(body["attlist"]);
  if (body["is_from"] === true) {
    // It may be a file of the database's own.
    if (body["filename"] !== undefined) trace.gap("what a file or a program on the server gives");
    copyInto(table ?? {}, columns, body["whereClause"], trace);
    return undefined;
  }
  const shape = table ? copied(table, columns, trace) : inner(body["query"], trace);
  if (!shape || (body["is_program"] !== true && body["filename"] === undefined)) return shape;
  trace.flow(
    trace.all(shape),
    body["is_program"] === true ? "a program on the server" : "a file on the server",
  );
  return undefined;
}

/** COPY t (a, b) is COPY (SELECT a, b FROM t); without a list it leaves generated columns out. */
function copied(table: Node, columns: readonly string[], trace: Trace): Shape {
  const relation = relationOf(table, trace);
  const all = relation?.columns
    .filter(({ generatedFrom }) => generatedFrom === undefined)
    .map(({ name }) => name);
  const fields = (columns.length > 0 ? columns : (all ?? [])).map((sval) => ({ String: { sval } }));
  const targetList = fields.map((field) => ({ ResTarget: { val: { ColumnRef: { fields: [field] } } } }));
  return trace.query(
    { SelectStmt: { op: "SETOP_NONE", fromClause: [{ RangeVar: table }], targetList } },
    EMPTY_SCOPE,
  );
}
