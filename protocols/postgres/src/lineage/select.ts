import { asList, asNode, asText, type Node, namesIn } from "../analysis/node.ts";
import { decides, evaluated, windowSources } from "./expressions.ts";
import { fieldsOf, isStar, starOf } from "./references.ts";
import { fromClause } from "./from.ts";
import { outputName } from "./output-names.ts";
import { itemOf, localColumn, type Scope } from "./scope.ts";
import type { Trace } from "./trace.ts";
import {
  CLEAN,
  computed,
  derived,
  type Field,
  type Shape,
  type Sources,
  sameSources,
  UNKNOWN_SHAPE,
  type Value,
} from "./values.ts";
import { withClause } from "./with.ts";

/** SELECT, VALUES, TABLE, and set operations: the columns of the answer. */
export function select(body: Node, outer: Scope, trace: Trace): Shape {
  return trace.deeper(() => {
    const scope = withClause(body["withClause"], outer, trace);
    if (body["op"] !== "SETOP_NONE") return setOperation(body, scope, trace);
    if (body["valuesLists"] !== undefined) return values(body, scope, trace);
    return simple(body, scope, trace);
  });
}

function simple(body: Node, outer: Scope, trace: Trace): Shape {
  const items = fromClause(body["fromClause"], outer, trace);
  const windows = new Map<string, Sources>();
  const scope: Scope = { items, windows, outer };
  for (const item of asList(body["windowClause"])) {
    const definition = asNode(asNode(item)?.["WindowDef"]) ?? {};
    windows.set(asText(definition["name"]) ?? "", windowSources(definition, scope, trace));
  }
  const shape = targetList(body["targetList"], scope, trace);
  decides([body["whereClause"] ?? [], body["havingClause"] ?? []], scope, trace);
  for (const item of asList(body["groupClause"])) groupedBy(item, shape, scope, trace);
  for (const item of asList(body["distinctClause"])) {
    // DISTINCT alone has an empty node in its list.
    if (Object.keys(asNode(item) ?? {}).length === 0) trace.add(trace.predicates, trace.all(shape));
    else orderedBy(item, shape, scope, trace);
  }
  rest(body, shape, scope, trace);
  return shape;
}

/** ORDER BY, LIMIT and OFFSET, which all queries may have. */
function rest(body: Node, shape: Shape, scope: Scope, trace: Trace): void {
  for (const item of asList(body["sortClause"])) {
    orderedBy(asNode(asNode(item)?.["SortBy"])?.["node"], shape, scope, trace);
    // The operator behind USING.
    decides({ SortBy: { useOp: asNode(asNode(item)?.["SortBy"])?.["useOp"] } }, scope, trace);
  }
  decides([body["limitCount"] ?? [], body["limitOffset"] ?? []], scope, trace);
}

/** By a column of the answer, which is named or counted, or else by any expression (findTargetlistEntrySQL92). */
function orderedBy(node: unknown, shape: Shape, scope: Scope, trace: Trace): void {
  const output = outputMeant(node, shape, trace);
  if (output.length === 0) decides(node, scope, trace);
  for (const { sources } of output) trace.add(trace.predicates, sources);
}

/** The same, but a column of FROM comes before one of the answer. */
function groupedBy(node: unknown, shape: Shape, scope: Scope, trace: Trace): void {
  const set = asNode(asNode(node)?.["GroupingSet"]);
  if (set) {
    trace.deeper(() => {
      for (const item of asList(set["content"])) groupedBy(item, shape, scope, trace);
    });
    return;
  }
  const name = nameAlone(node);
  if (name !== undefined && localColumn(scope, name, trace)) decides(node, scope, trace);
  else orderedBy(node, shape, scope, trace);
}

/** Columns of the answer that ORDER BY name or ORDER BY 1 means. */
function outputMeant(node: unknown, { fields, rest }: Shape, trace: Trace): readonly Value[] {
  const name = nameAlone(node);
  if (name !== undefined) return fields.filter((field) => field.name === name).map(({ value }) => value);
  const number = asNode(asNode(asNode(node)?.["A_Const"])?.["ival"])?.["ival"];
  if (typeof number !== "number") return [];
  trace.literals = true;
  const counted = fields[number - 1]?.value ?? CLEAN;
  return rest ? [...fields.map(({ value }) => value), derived(rest)] : [counted];
}

function nameAlone(node: unknown): string | undefined {
  const fields = asList(asNode(asNode(node)?.["ColumnRef"])?.["fields"]);
  return fields.length === 1 ? namesIn(fields[0])[0] : undefined;
}

/** What SELECT or RETURNING lists, with every * written out. */
export function targetList(list: unknown, scope: Scope, trace: Trace): Shape {
  const fields: Field[] = [];
  const unknown: Sources[] = [];
  for (const item of asList(list)) {
    const target = asNode(asNode(item)?.["ResTarget"]) ?? {};
    const node = target["val"];
    trace.step();
    if (isStar(node)) {
      const shape = writtenOut(node, scope, trace);
      trace.step(shape.fields.length);
      for (const { name, value, aside } of shape.fields) {
        if (aside !== true) fields.push({ name, value: trace.read(value) });
      }
      if (shape.rest) unknown.push(shape.rest);
      continue;
    }
    const value = evaluated(node, scope, trace);
    const name = asText(target["name"]) ?? outputName(node, (query) => trace.firstNames.get(query));
    fields.push({ name, value });
  }
  return { fields, ...(unknown.length > 0 ? { rest: trace.union(unknown) } : {}) };
}

/** The columns that `*`, `t.*` or `(x).*` stands for. */
function writtenOut(node: unknown, scope: Scope, trace: Trace): Shape {
  const reference = asNode(asNode(node)?.["ColumnRef"]);
  if (reference) {
    const [table, schema] = asList(reference["fields"]).flatMap(namesIn).toReversed();
    if (table === undefined) return starOf(scope, trace);
    const item = itemOf(scope, schema, table, trace);
    if (item) return item.shape;
    trace.gap(`${table}.*, whose table is not in reach`);
    return UNKNOWN_SHAPE;
  }
  const value = evaluated(node, scope, trace);
  const shape = fieldsOf(value, trace);
  if (!shape) trace.gap("(...).* of a value whose type is not known");
  return shape ?? { fields: [], rest: value.sources };
}

function values(body: Node, scope: Scope, trace: Trace): Shape {
  const columns: Sources[][] = [];
  const unknown: Sources[] = [];
  for (const row of asList(body["valuesLists"])) {
    const items = asList(asNode(asNode(row)?.["List"])?.["items"]);
    // (t.*) in a row of VALUES is one value for each column of t.
    const shape = targetList(
      items.map((val) => ({ ResTarget: { val } })),
      scope,
      trace,
    );
    for (const [i, { value }] of shape.fields.entries()) {
      columns[i] ??= [];
      columns[i].push(value.sources);
    }
    if (shape.rest) unknown.push(shape.rest, trace.all(shape));
  }
  const fields = columns.map((sources, i) => ({
    name: `column${i + 1}`,
    value: derived(trace.union(sources)),
  }));
  const shape = { fields, ...(unknown.length > 0 ? { rest: trace.union(unknown) } : {}) };
  rest(body, shape, { items: [], outer: scope }, trace);
  return shape;
}

/** UNION, INTERSECT, EXCEPT. A chain leans to the left, as long as the text is. */
function setOperation(body: Node, scope: Scope, trace: Trace): Shape {
  const chain: Node[] = [body];
  let leftmost = asNode(body["larg"]) ?? {};
  while (leftmost["op"] !== "SETOP_NONE" && isBare(leftmost)) {
    trace.step();
    chain.push(leftmost);
    leftmost = asNode(leftmost["larg"]) ?? {};
  }
  let shape = select(leftmost, scope, trace);
  for (const operation of chain.reverse()) {
    const right = select(asNode(operation["rarg"]) ?? {}, scope, trace);
    shape = combined(shape, right, trace);
    // All but UNION ALL compare the rows.
    if (operation["op"] !== "SETOP_UNION" || operation["all"] !== true)
      trace.add(trace.predicates, trace.all(shape));
  }
  rest(body, shape, { items: [], outer: scope }, trace);
  return shape;
}

/** Without clauses of its own, which belong to what stands in brackets. */
function isBare(body: Node): boolean {
  return ["withClause", "sortClause", "limitCount", "limitOffset"].every((key) => body[key] === undefined);
}

function combined(left: Shape, right: Shape, trace: Trace): Shape {
  trace.step(left.fields.length);
  if (left.rest ?? right.rest) {
    const all = trace.union([trace.all(left), trace.all(right)]);
    return { fields: left.fields.map(({ name }) => ({ name, value: derived(all) })), rest: all };
  }
  return {
    fields: left.fields.map(({ name, value }, i) => {
      const other = right.fields[i]?.value ?? CLEAN;
      const same = value.exact && other.exact && sameSources(value.sources, other.sources);
      return { name, value: same ? computed(value) : derived(trace.union([value.sources, other.sources])) };
    }),
  };
}
