import { asList, asNode, asText, type Node, namesIn } from "../analysis/node.ts";
import { operatorsIn } from "../analysis/operators.ts";
import { decides, evaluated, sourcesIn } from "./expressions.ts";
import { functionName } from "./references.ts";
import { mayBeRow } from "./row-values.ts";
import { followCall, followOperators, rowsOfFunction } from "./functions.ts";
import { valueFunctionName } from "./output-names.ts";
import { namedIn } from "./relations.ts";
import { fieldOf, type Item, type Scope } from "./scope.ts";
import type { Trace } from "./trace.ts";
import {
  CLEAN,
  derived,
  type Field,
  NOTHING,
  perhaps,
  renamed,
  type Shape,
  type Sources,
  UNKNOWN_SHAPE,
} from "./values.ts";

/** What a part of FROM puts into the namespace: itself, and below a JOIN the names of its sides. */
interface FromItem {
  readonly top: Item;
  readonly below: readonly Item[];
}

/**
 * The namespace that FROM makes.
 * @param scope of the query around it, with the query's own WITH
 */
export function fromClause(list: unknown, scope: Scope, trace: Trace): readonly Item[] {
  const items: Item[] = [];
  for (const node of asList(list)) {
    const { top, below } = fromItem(node, items, scope, trace);
    items.push(top, ...below);
  }
  return items;
}

/** @param left what stands to the left, which LATERAL and functions see */
export function fromItem(node: unknown, left: readonly Item[], scope: Scope, trace: Trace): FromItem {
  return trace.deeper(() => {
    const [[kind, value] = ["", undefined]] = Object.entries(asNode(node) ?? {});
    const body = asNode(value) ?? {};
    const lateral: Scope = { items: left, outer: scope };
    switch (kind) {
      case "RangeVar":
        return relation(body, scope, trace);
      case "RangeSubselect": {
        const shape = trace.query(body["subquery"], body["lateral"] === true ? lateral : scope);
        return aliased(body, undefined, shape, trace);
      }
      case "RangeFunction":
        return functions(body, lateral, trace);
      case "RangeTableSample": {
        for (const part of [body["args"], body["repeatable"]]) decides(part, scope, trace);
        followCall(asList(body["method"]).flatMap(namesIn), NOTHING, trace);
        return fromItem(body["relation"], left, scope, trace);
      }
      case "RangeTableFunc":
        return rowsOf(
          body,
          [body["docexpr"], body["rowexpr"], body["namespaces"]],
          "xmltable",
          lateral,
          trace,
        );
      case "JsonTable":
        return rowsOf(body, [body["context_item"], body["passing"]], "json_table", lateral, trace);
      case "JoinExpr":
        return join(body, left, scope, trace);
      default:
        trace.gap(`${kind} in FROM`);
        return aliased(body, undefined, UNKNOWN_SHAPE, trace);
    }
  });
}

function relation(body: Node, scope: Scope, trace: Trace): FromItem {
  const { shape, relation: found } = namedIn(body, scope, trace);
  trace.step(shape.fields.length);
  const { top } = aliased(body, asText(body["relname"]), shape, trace);
  const schema = body["alias"] === undefined ? found?.schema : undefined;
  const stored = found !== undefined && found.kind !== "view";
  return { top: { ...top, schema, stored, relation: found?.id }, below: [] };
}

/** By the name and the names of columns that AS gives. */
function aliased(body: Node, name: string | undefined, shape: Shape, trace: Trace): FromItem {
  const alias = asNode(body["alias"]);
  const names = asList(alias?.["colnames"]).flatMap(namesIn);
  return {
    top: {
      name: asText(alias?.["aliasname"]) ?? name,
      shape: renamed(shape, names, names.length > 0 ? trace.all(shape) : NOTHING),
      columns: true,
    },
    below: [],
  };
}

/** f(x), ROWS FROM (f(x), g(y) AS (a int)), with WITH ORDINALITY behind it. */
function functions(body: Node, scope: Scope, trace: Trace): FromItem {
  const alias = asText(asNode(body["alias"])?.["aliasname"]);
  const calls = asList(body["functions"]).map((item) => asList(asNode(asNode(item)?.["List"])?.["items"]));
  const shapes = calls.map(([call, definitions]) => {
    const own = asList(asNode(asNode(definitions)?.["List"])?.["items"]);
    const listed = own.length > 0 ? own : asList(calls.length === 1 ? body["coldeflist"] : undefined);
    return functionRows(call, listed, calls.length === 1 ? alias : undefined, scope, trace);
  });
  const unknown = shapes.flatMap(({ rest }) => (rest ? [rest] : []));
  const fields = shapes.flatMap((shape) => shape.fields);
  if (body["ordinality"] === true) fields.push({ name: "ordinality", value: CLEAN });
  const shape = { fields, ...(unknown.length > 0 ? { rest: trace.union(unknown) } : {}) };
  // Without an alias, the first function's name is the table's.
  return aliased(body, calledName(calls[0]?.[0]), shape, trace);
}

function functionRows(
  node: unknown,
  definitions: readonly unknown[],
  alias: string | undefined,
  scope: Scope,
  trace: Trace,
): Shape {
  const sources = sourcesIn(node, scope, trace);
  // How many rows there are is the function's to say.
  trace.add(trace.predicates, sources);
  const columns = definitions.map((one) => asText(asNode(asNode(one)?.["ColumnDef"])?.["colname"]) ?? "");
  if (columns.length > 0) return { fields: columns.map((name) => ({ name, value: derived(sources) })) };
  const call = asNode(asNode(node)?.["FuncCall"]);
  const name = alias ?? calledName(node);
  if (!call) return { fields: [{ name, value: derived(sources) }] };
  const names = functionName(call);
  const args = asList(call["args"]);
  // unnest(a, b) is unnest(a) beside unnest(b).
  if (names.at(-1) === "unnest" && args.length > 1) {
    const each = args.map((arg) =>
      rowsOfFunction(
        { names, sources: sourcesIn(arg, scope, trace), ofRows: mayBeRow(arg, scope, trace), name: "unnest" },
        trace,
      ),
    );
    const unknown = each.some(({ rest }) => rest !== undefined);
    return { fields: each.flatMap(({ fields }) => fields), ...(unknown ? { rest: sources } : {}) };
  }
  const { row } = evaluated(node, scope, trace);
  if (row) return row;
  const ofRows = mayBeRow(node, scope, trace);
  return rowsOfFunction({ names, sources, ofRows, name }, trace);
}

function calledName(node: unknown): string {
  const [[kind, value] = ["", undefined]] = Object.entries(asNode(node) ?? {});
  const body = asNode(value) ?? {};
  if (kind === "SQLValueFunction") return valueFunctionName(asText(body["op"]) ?? "");
  if (kind === "CoalesceExpr") return "coalesce";
  return functionName(body).at(-1) ?? "";
}

/** XMLTABLE and JSON_TABLE: how many rows there are, and what is in them, the document says. */
function rowsOf(body: Node, parts: readonly unknown[], name: string, scope: Scope, trace: Trace): FromItem {
  const sources = sourcesIn(
    [...parts, body["columns"], body["on_error"]].map((part) => part ?? []),
    scope,
    trace,
  );
  trace.add(trace.predicates, sources);
  const value = derived(sources);
  return aliased(body, name, { fields: columnsOf(body["columns"]).map((name) => ({ name, value })) }, trace);
}

/** The columns of XMLTABLE and JSON_TABLE; those that are nested stand where the nesting stands. */
function columnsOf(list: unknown): readonly string[] {
  return asList(list).flatMap((item) => {
    const column =
      asNode(asNode(item)?.["RangeTableFuncCol"]) ?? asNode(asNode(item)?.["JsonTableColumn"]) ?? {};
    const name = asText(column["colname"] ?? column["name"]);
    return column["coltype"] === "JTC_NESTED"
      ? columnsOf(column["columns"])
      : name === undefined
        ? []
        : [name];
  });
}

function join(body: Node, before: readonly Item[], scope: Scope, trace: Trace): FromItem {
  const left = fromItem(body["larg"], before, scope, trace);
  const right = fromItem(body["rarg"], [...before, left.top, ...left.below], scope, trace);
  followOperators(operatorsIn("JoinExpr", body), trace);
  const names =
    body["isNatural"] === true ? common(left, right, trace) : asList(body["usingClause"]).flatMap(namesIn);
  const merged = names.map((name) => mergedField(name, left.top.shape, right.top.shape, trace));
  const sides: readonly Item[] = [left.top, ...left.below, right.top, ...right.below];
  trace.step(sides.length);
  if (body["quals"] !== undefined) decides(body["quals"], { items: sides, outer: scope }, trace);
  const shape = joined(merged, left.top.shape, right.top.shape, trace);
  const { top } = aliased(body, undefined, shape, trace);
  // By an alias of the whole, its sides are out of reach.
  if (body["alias"] !== undefined) return { top, below: [] };
  const usingAlias = asText(asNode(body["join_using_alias"])?.["aliasname"]);
  const below = sides.map((item) => ({ ...item, columns: false }));
  if (usingAlias !== undefined) below.push({ name: usingAlias, shape: { fields: merged }, columns: false });
  return { top, below };
}

function joined(merged: readonly Field[], left: Shape, right: Shape, trace: Trace): Shape {
  const names = new Set(merged.map(({ name }) => name));
  const others = (shape: Shape) => shape.fields.filter(({ name }) => !names.has(name));
  const fields = [...merged, ...others(left), ...others(right)];
  trace.step(fields.length);
  const unknown = [left.rest, right.rest].filter((rest): rest is Sources => rest !== undefined);
  return { fields, ...(unknown.length > 0 ? { rest: trace.union(unknown) } : {}) };
}

/** The rows are those for which both are equal: whichever is shown, it tells of both. */
function mergedField(name: string, left: Shape, right: Shape, trace: Trace): Field {
  const sides = [left, right].map((shape) => trace.read(fieldOf(shape, name, trace) ?? CLEAN));
  const sources = trace.union(sides.map((value) => value.sources));
  trace.add(trace.predicates, sources);
  // It may be either side, or a value of the type that both fit into.
  return { name, value: { ...derived(sources), ...perhaps(...sides) } };
}

function common(left: FromItem, right: FromItem, trace: Trace): readonly string[] {
  if (left.top.shape.rest ?? right.top.shape.rest)
    trace.gap("NATURAL JOIN with something whose columns are not known");
  const others = new Set(right.top.shape.fields.map(({ name }) => name));
  return left.top.shape.fields.map(({ name }) => name).filter((name) => others.has(name));
}
