import { isBuiltinFunction } from "../analysis/builtins.ts";
import { asList, asNode, type Node, namesIn } from "../analysis/node.ts";
import { followCall } from "./functions.ts";
import { columnOf, columnOfItem, fieldOf, itemOf, rowOf, rowOfItem, type Scope } from "./scope.ts";
import type { Trace } from "./trace.ts";
import { compositeShape } from "./types.ts";
import { CLEAN, computed, derived, type Shape, type Value } from "./values.ts";

/** A node's kind and content. */
export function unwrapped(node: unknown): readonly [string, Node] {
  const [[kind, body] = ["", undefined]] = Object.entries(asNode(node) ?? {});
  return [kind, asNode(body) ?? {}];
}

/** What a name with dots in it means (transformColumnRef): a column, or else a whole row. */
export function referenced(body: Node, scope: Scope, trace: Trace): Value {
  const fields = asList(body["fields"]);
  const names = fields.flatMap(namesIn);
  const text = names.join(".");
  // In an expression, t.* is t's row.
  const star = fields.length > names.length;
  if (star && names.length === 0) return rowOf(starOf(scope, trace), trace);
  const [name = "", table, schema] = star ? [undefined, ...names.toReversed()] : names.toReversed();
  if (table === undefined) {
    const column = columnOf(scope, name, trace);
    if (column) return withPlainFields(column);
    const item = itemOf(scope, undefined, name, trace);
    if (!item) trace.gap(`${text}, which is no column of what it is looked for in`);
    return item ? rowOfItem(item, trace) : CLEAN;
  }
  const item = itemOf(scope, schema, table, trace);
  if (!item) {
    trace.gap(`${text}, whose table is not in reach`);
    return CLEAN;
  }
  if (star) return rowOfItem(item, trace);
  const column = columnOfItem(item, name, trace);
  return column ? withPlainFields(column) : attribute(rowOf(item.shape, trace), name, trace);
}

/** A column that is a row: what is taken out of it is computed. */
function withPlainFields(value: Value): Value {
  const { row } = computed(value);
  return row ? { ...value, row } : value;
}

/** What * stands for: every column that is found without its table's name. */
export function starOf({ items }: Scope, trace: Trace): Shape {
  const shapes = items.filter(({ columns }) => columns).map(({ shape }) => shape);
  const [only] = shapes;
  if (only && shapes.length === 1) return only;
  const fields = shapes.flatMap((shape) => shape.fields);
  trace.step(fields.length);
  const unknown = shapes.flatMap(({ rest }) => (rest ? [rest] : []));
  return { fields, ...(unknown.length > 0 ? { rest: trace.union(unknown) } : {}) };
}

/** `(x).name` is a field of x, or else calls the function `name` with it. */
export function attribute(value: Value, name: string, trace: Trace): Value {
  const row = fieldsOf(value, trace);
  const found = row && fieldOf(row, name, trace);
  if (found) return found;
  if (row === undefined && !isBuiltinFunction(name)) {
    // A field of a row whose columns are not known, or somebody's own function.
    trace.gap(`the field ${name} of a value whose type is not known`);
  } else followCall([name], value.sources, trace);
  return derived(value.sources);
}

/** The columns of a value that is a row, where they are known. */
export function fieldsOf(value: Value, trace: Trace): Shape | undefined {
  return value.row ?? compositeShape(value, trace);
}

/** `*`, `t.*`, `(x).*`. */
export function isStar(node: unknown): boolean {
  const [, body] = unwrapped(node);
  const last = asList(body["fields"] ?? body["indirection"]).at(-1);
  return asNode(last)?.["A_Star"] !== undefined;
}

/** A function's name, without its database. */
export function functionName(body: Node): readonly string[] {
  return asList(body["funcname"]).flatMap(namesIn).slice(-2);
}
