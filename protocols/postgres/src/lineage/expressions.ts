import { asList, asNode, asText, type Node } from "../analysis/node.ts";
import { operatorsIn } from "../analysis/operators.ts";
import {
  callMayFail,
  castMayFail,
  isPlain,
  isPlainType,
  mayBeStoredRow,
  operatorMayFail,
  stopsEarly,
} from "./failures.ts";
import { followCall, followOperators, resultRow } from "./functions.ts";
import { attribute, fieldsOf, functionName, isStar, referenced, unwrapped } from "./references.ts";
import { rowOf, type Scope, windowOf } from "./scope.ts";
import { castType, elementOf } from "./types.ts";
import type { Trace } from "./trace.ts";
import {
  CLEAN,
  computed,
  derived,
  NOTHING,
  perhaps,
  type Shape,
  type Sources,
  type StoredColumn,
  type Value,
} from "./values.ts";

/** Kinds of expression whose value comes from nothing but what stands below them. */
const TRANSPARENT: ReadonlySet<string> = new Set(
  ["A_ArrayExpr", "A_Indices", "BooleanTest", "CollateClause", "DefElem", "GroupingSet", "IndexElem", "List"]
    .concat(["MinMaxExpr", "MultiAssignRef", "NamedArgExpr", "NullTest", "RangeTableFuncCol", "ResTarget"])
    .concat(["RowExpr", "SortBy", "XmlExpr", "XmlSerialize", "JsonAggConstructor", "JsonArgument"])
    .concat(["JsonArrayAgg", "JsonArrayConstructor", "JsonArrayQueryConstructor", "JsonBehavior"])
    .concat(["JsonIsPredicate", "JsonKeyValue", "JsonObjectAgg", "JsonObjectConstructor"])
    .concat(["JsonOutput", "JsonParseExpr", "JsonReturning", "JsonScalarExpr", "JsonSerializeExpr"])
    .concat(["JsonTableColumn", "JsonValueExpr"]),
);

/** Some values can't be made into one. */
const MAY_FAIL = /^(A_ArrayExpr|MinMaxExpr|Xml|Json(?!IsPredicate))/;

/** They hold no value of a column's. */
const EMPTY: ReadonlySet<string> = new Set([
  ...["A_Const", "A_Star", "CurrentOfExpr", "GroupingFunc", "MergeSupportFunc", "ParamRef", "SetToDefault"],
  ...["SQLValueFunction", "String", "Integer", "Boolean", "JsonFormat", "TypeName"],
]);

/** The columns that an expression's value depends on; what it decides or does beside that is put on the trace. */
export function sourcesIn(node: unknown, scope: Scope, trace: Trace): Set<StoredColumn> {
  const found = new Set<StoredColumn>();
  collect(node, scope, found, trace);
  return found;
}

/** Rows are chosen, ordered or grouped by this. */
export function decides(node: unknown, scope: Scope, trace: Trace): void {
  collect(node, scope, trace.predicates, trace);
}

/** What is known of an expression's value. */
export function evaluated(node: unknown, scope: Scope, trace: Trace): Value {
  return trace.deeper(() => evaluate(node, scope, trace));
}

function evaluate(node: unknown, scope: Scope, trace: Trace): Value {
  const [kind, body] = unwrapped(node);
  switch (kind) {
    case "ColumnRef":
      return trace.read(referenced(body, scope, trace));
    case "A_Indirection":
      return indirect(body, scope, trace);
    case "SubLink":
      if (body["subLinkType"] !== "EXPR_SUBLINK") break;
      return computed(subquery(body, scope, trace).fields[0]?.value ?? CLEAN);
    case "FuncCall": {
      const sources = sourcesIn(node, scope, trace);
      const row = resultRow(functionName(body), sources, trace) ?? populated(body, sources, scope, trace);
      if (row) return { sources, exact: false, row };
      // text(x) is x::text.
      const [arg, ...others] = asList(body["args"]);
      if (others.length > 0 || unwrapped(arg)[0] !== "ColumnRef") return derived(sources);
      return { ...derived(sources), ...perhaps(evaluated(arg, scope, trace)) };
    }
    case "TypeCast": {
      const type = castType(body["typeName"], trace);
      const value = evaluated(body["arg"], scope, trace);
      if (type !== undefined || castMayFail(body)) trace.mayFail(value.sources);
      // Of a value that is of the type already, nothing is made.
      return { ...derived(value.sources), ...(type === undefined ? {} : { type }), ...perhaps(value) };
    }
    case "RowExpr":
      return rowExpression(body, scope, trace);
    default:
  }
  return derived(sourcesIn(node, scope, trace));
}

/** json_populate_record(NULL::t, ...) gives a row of t. */
function populated(body: Node, sources: Sources, scope: Scope, trace: Trace): Shape | undefined {
  if (!/^jsonb?_populate_record(set)?$/.test(functionName(body).at(-1) ?? "")) return undefined;
  const row = fieldsOf(evaluated(asList(body["args"])[0], scope, trace), trace);
  return row && { fields: row.fields.map(({ name }) => ({ name, value: derived(sources) })) };
}

function collect(value: unknown, scope: Scope, into: Set<StoredColumn>, trace: Trace): void {
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) collect(item, scope, into, trace);
    return;
  }
  const node = asNode(value);
  if (!node) return;
  if (node["A_Expr"] !== undefined) {
    operators(node, scope, into, trace);
    return;
  }
  for (const [kind, body] of Object.entries(node)) {
    const inner = asNode(body);
    if (/^[A-Z]/.test(kind) && inner) trace.deeper(() => expression(kind, inner, scope, into, trace));
    else if (kind === "agg_filter" || kind === "agg_order") chosenBy(body, scope, into, trace);
    else if (kind === "over") window(body, scope, into, trace);
    else collect(body, scope, into, trace);
  }
}

/** a || b || c || ... leans to the left, as long as the text is. */
function operators(outermost: Node, scope: Scope, into: Set<StoredColumn>, trace: Trace): void {
  const operations: { readonly body: Node; readonly right: Set<StoredColumn> }[] = [];
  const failures = trace.failures;
  let left: Node | undefined = outermost;
  for (let body = asNode(left["A_Expr"]); body; body = asNode(left?.["A_Expr"])) {
    trace.step();
    followOperators(operatorsIn("A_Expr", body), trace);
    const compares = body["kind"] === "AEXPR_NULLIF";
    const sides = compares ? [body["lexpr"], body["rexpr"]] : [body["rexpr"]];
    const right = new Set<StoredColumn>();
    for (const side of sides) {
      trace.deeper(() => collect(side, scope, right, trace));
      if (compares) trace.deeper(() => decides(side, scope, trace));
    }
    operations.push({ body, right });
    left = compares ? undefined : asNode(body["lexpr"]);
  }
  // What stands below an operator, and is not known to make one fail.
  let below = new Set<StoredColumn>();
  trace.deeper(() => collect(left, scope, below, trace));
  trace.add(into, below);
  for (const { body, right } of operations.reverse()) {
    trace.add(into, right);
    trace.add(below, right);
    const fails = operatorMayFail(body, scope, trace) || (stopsEarly(body) && trace.failures > failures);
    if (!fails) continue;
    trace.mayFail(below);
    below = new Set();
  }
}

function expression(kind: string, body: Node, scope: Scope, into: Set<StoredColumn>, trace: Trace): void {
  trace.step();
  followOperators(operatorsIn(kind, body), trace);
  switch (kind) {
    case "ColumnRef":
    case "A_Indirection":
      trace.add(into, evaluated({ [kind]: body }, scope, trace).sources);
      return;
    case "TypeCast":
      trace.add(into, evaluated({ [kind]: body }, scope, trace).sources);
      return;
    case "FuncCall":
      call(body, scope, into, trace);
      return;
    case "CaseExpr":
      caseOf(body, scope, into, trace);
      return;
    case "BoolExpr":
    case "CoalesceExpr":
    case "JsonFuncExpr":
      shortCut(kind, body, scope, into, trace);
      return;
    case "SubLink": {
      const failures = trace.failures;
      const tested = sourcesIn(body["testexpr"] ?? [], scope, trace);
      trace.add(into, tested);
      const shape = subquery(body, scope, trace);
      // It goes no further than it has to.
      if (trace.failures > failures) trace.add(trace.failing, tested);
      if (body["subLinkType"] !== "EXISTS_SUBLINK") trace.add(into, trace.all(shape));
      // Of arrays, those of one size alone become one.
      if (body["subLinkType"] === "ARRAY_SUBLINK" && !isPlainType(shape.fields[0]?.value.type))
        trace.mayFail(trace.all(shape));
      return;
    }
    case "SelectStmt":
      trace.add(into, trace.all(trace.query({ SelectStmt: body }, scope)));
      return;
    default: {
      if (kind === "ParamRef") trace.parameters = true;
      if (EMPTY.has(kind)) return;
      if (!TRANSPARENT.has(kind)) trace.gap(`an expression of the kind ${kind}`);
      if (!MAY_FAIL.test(kind)) {
        collect(body, scope, into, trace);
        return;
      }
      const sources = sourcesIn(body, scope, trace);
      trace.add(into, sources);
      const parts = asList(body["elements"] ?? body["args"]);
      const safe =
        kind === "MinMaxExpr"
          ? !parts.some((part) => mayBeStoredRow(part, scope, trace))
          : kind === "A_ArrayExpr" && parts.every((part) => isPlain(part, scope, trace));
      if (!safe) trace.mayFail(sources);
    }
  }
}

/** Which branch is taken shows in whether there is a value at all: its conditions decide, too. */
function caseOf(body: Node, scope: Scope, into: Set<StoredColumn>, trace: Trace): void {
  const whens = asList(body["args"]).map((when) => asNode(asNode(when)?.["CaseWhen"]) ?? {});
  const conditions = sourcesIn([body["arg"] ?? [], ...whens.map((when) => when["expr"])], scope, trace);
  trace.add(into, conditions);
  trace.add(trace.predicates, conditions);
  collect([...whens.map((when) => when["result"]), body["defresult"] ?? []], scope, into, trace);
}

/** AND, OR, COALESCE and DEFAULT ON EMPTY: what they do not come to is not called, and that can be seen. */
function shortCut(kind: string, body: Node, scope: Scope, into: Set<StoredColumn>, trace: Trace): void {
  const { effects, failures } = trace;
  const sources = sourcesIn(body, scope, trace);
  trace.add(into, sources);
  if (trace.effects > effects) trace.add(trace.predicates, sources);
  if (trace.failures > failures || kind === "JsonFuncExpr") trace.mayFail(sources);
}

function call(body: Node, scope: Scope, into: Set<StoredColumn>, trace: Trace): void {
  const args = sourcesIn(body["args"], scope, trace);
  if (body["agg_within_group"] === true) trace.add(args, sourcesIn(body["agg_order"], scope, trace));
  else chosenBy(body["agg_order"], scope, into, trace);
  chosenBy(body["agg_filter"], scope, into, trace);
  if (body["agg_distinct"] === true) trace.add(trace.predicates, args);
  window(body["over"], scope, into, trace);
  trace.add(into, followCall(functionName(body), args, trace));
  if (callMayFail(body, scope, trace)) trace.mayFail(args);
}

/** Decides which values are taken, and in which order: the result tells of it. */
function chosenBy(node: unknown, scope: Scope, into: Set<StoredColumn>, trace: Trace): void {
  if (node === undefined) return;
  const sources = sourcesIn(node, scope, trace);
  trace.add(into, sources);
  trace.add(trace.predicates, sources);
}

function window(over: unknown, scope: Scope, into: Set<StoredColumn>, trace: Trace): void {
  const definition = asNode(over);
  if (definition) trace.add(into, windowSources(definition, scope, trace));
}

/** What a window divides and orders the rows by. */
export function windowSources(definition: Node, scope: Scope, trace: Trace): Set<StoredColumn> {
  const { partitionClause, orderClause, startOffset, endOffset } = definition;
  const sources = sourcesIn(
    [partitionClause, orderClause, startOffset, endOffset].map((part) => part ?? []),
    scope,
    trace,
  );
  trace.add(trace.predicates, sources);
  // In OVER w, the name is of a WINDOW; in OVER (w ...), it is what the definition goes on from.
  for (const key of ["name", "refname"]) {
    trace.add(sources, windowOf(scope, asText(definition[key]) ?? "") ?? NOTHING);
  }
  return sources;
}

/** The query of a SubLink. */
function subquery(body: Node, scope: Scope, trace: Trace): Shape {
  const shape = trace.query(body["subselect"], scope);
  // It may have several rows where one is wanted.
  if (!/^(EXISTS|ANY|ALL|ARRAY)_/.test(asText(body["subLinkType"]) ?? "")) trace.mayFail(NOTHING);
  const [first] = shape.fields;
  const node = asNode(body["subselect"]);
  if (first && node) trace.firstNames.set(node, first.name);
  return shape;
}

function indirect(body: Node, scope: Scope, trace: Trace): Value {
  let value = evaluated(body["arg"], scope, trace);
  for (const step of asList(body["indirection"])) {
    const [kind, inner] = unwrapped(step);
    if (kind === "String") value = attribute(value, asText(inner["sval"]) ?? "", trace);
    else if (kind === "A_Indices") {
      const index = sourcesIn([inner["lidx"] ?? [], inner["uidx"] ?? []], scope, trace);
      value = {
        ...elementOf(value, inner["is_slice"] === true, trace),
        sources: trace.union([value.sources, index]),
      };
    }
  }
  return value;
}

/** ROW(...): a field for each, and for t.* one for each of its columns. */
function rowExpression(body: Node, scope: Scope, trace: Trace): Value {
  const shapes = asList(body["args"]).map((arg): Shape => {
    const value = computed(evaluated(arg, scope, trace));
    return isStar(arg) && value.row ? value.row : { fields: [{ name: "", value }] };
  });
  const unknown = shapes.flatMap(({ rest }) => (rest ? [rest] : []));
  const fields = shapes.flatMap((shape) => shape.fields).map((field, i) => ({ ...field, name: `f${i + 1}` }));
  return rowOf({ fields, ...(unknown.length > 0 ? { rest: trace.union(unknown) } : {}) }, trace);
}
