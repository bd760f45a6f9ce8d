import { asList, asNode, asText, type Node, namesIn } from "../analysis/node.ts";
import type { Scope } from "./scope.ts";
import type { Trace } from "./trace.ts";
import { derived, type Field, NOTHING, renamed, type Shape, within, UNKNOWN_SHAPE } from "./values.ts";

/** The scope inside a statement with this WITH: each CTE sees those before it, or all if it is RECURSIVE. */
export function withClause(clause: unknown, outer: Scope, trace: Trace): Scope {
  const node = asNode(clause);
  if (!node) return outer;
  const recursive = node["recursive"] === true;
  let scope = outer;
  const known = new Map<string, () => Shape>();
  if (recursive) scope = { items: [], ctes: known, outer };
  const begun: (() => Shape)[] = [];
  for (const item of asList(node["ctes"])) {
    const cte = asNode(asNode(item)?.["CommonTableExpr"]) ?? {};
    const name = asText(cte["ctename"]) ?? "";
    const shape = recursive ? recursiveCte(cte, scope, trace) : once(plainCte(cte, scope, trace));
    begun.push(shape);
    if (recursive) known.set(name, shape);
    else scope = { items: [], ctes: new Map([[name, shape]]), outer: scope };
  }
  // One that nothing refers to is checked by the server all the same, and a change in it is made.
  for (const shape of begun) shape();
  return scope;
}

function once(look: () => Shape): () => Shape {
  let shape: Shape | undefined;
  return () => (shape ??= look());
}

function plainCte(cte: Node, scope: Scope, trace: Trace): () => Shape {
  return () => extended(cte, named(cte, trace.query(cte["ctequery"], scope), trace), trace);
}

/** It may stand in its own query: then what it comes from is found by going round until nothing is added. */
function recursiveCte(cte: Node, scope: Scope, trace: Trace): () => Shape {
  let done: Shape | undefined;
  let assumed: Shape | undefined;
  let running = false;
  let referred = false;
  return () => {
    if (done) return done;
    if (running) {
      referred = true;
      if (!assumed)
        trace.gap(`WITH RECURSIVE ${asText(cte["ctename"]) ?? ""}, whose first part refers to itself`);
      return assumed ?? UNKNOWN_SHAPE;
    }
    running = true;
    const first = firstTerm(cte["ctequery"]);
    const look = (query: unknown) => extended(cte, named(cte, trace.query(query, scope), trace), trace);
    assumed = first && withinItself(look(first), cte);
    done = look(cte["ctequery"]);
    // One more column may be reached each time: the bound on work ends it in any case.
    while (referred && assumed && !includes(assumed, done)) {
      assumed = together(assumed, done, trace);
      done = look(cte["ctequery"]);
    }
    running = false;
    if (referred) done = inexact(done);
    return done;
  };
}

/** The part of a recursive query that does not refer to itself, with the query's own WITH. */
function firstTerm(query: unknown): Node | undefined {
  const union = asNode(asNode(query)?.["SelectStmt"]);
  const left = asNode(union?.["larg"]);
  if (!union || !left) return undefined;
  if (union["withClause"] === undefined || left["withClause"] !== undefined) return { SelectStmt: left };
  return { SelectStmt: { ...left, withClause: union["withClause"] } };
}

function named(cte: Node, shape: Shape, trace: Trace): Shape {
  const names = asList(cte["aliascolnames"]).flatMap(namesIn);
  return renamed(shape, names, names.length > 0 ? trace.all(shape) : NOTHING);
}

/** With the columns that SEARCH and CYCLE add. */
function extended(cte: Node, shape: Shape, trace: Trace): Shape {
  const search = asNode(cte["search_clause"]);
  const cycle = asNode(cte["cycle_clause"]);
  const added: Field[] = [];
  const of = (list: unknown) => {
    const names = new Set(asList(list).flatMap(namesIn));
    return trace.union([
      ...shape.fields.filter(({ name }) => names.has(name)).map(({ value }) => value.sources),
      shape.rest ?? NOTHING,
    ]);
  };
  if (search) {
    const value = derived(of(search["search_col_list"]));
    added.push({ name: asText(search["search_seq_column"]) ?? "", value });
  }
  if (cycle) {
    const value = derived(of(cycle["cycle_col_list"]));
    // Where it comes back to a row that it had, it ends.
    trace.add(trace.predicates, value.sources);
    for (const key of ["cycle_mark_column", "cycle_path_column"])
      added.push({ name: asText(cycle[key]) ?? "", value });
  }
  return added.length > 0 ? { ...shape, fields: [...shape.fields, ...added] } : shape;
}

/** The columns of SEARCH and CYCLE are there by name in the part that refers to it, but * does not show them. */
function withinItself(shape: Shape, cte: Node): Shape {
  const added = (cte["search_clause"] ? 1 : 0) + (cte["cycle_clause"] ? 2 : 0);
  const own = shape.fields.length - added;
  const { fields } = inexact(shape);
  return { ...shape, fields: fields.map((field, i) => (i < own ? field : { ...field, aside: true })) };
}

function inexact(shape: Shape): Shape {
  return {
    ...shape,
    fields: shape.fields.map(({ name, value }) => ({ name, value: derived(value.sources) })),
  };
}

function includes(assumed: Shape, shape: Shape): boolean {
  return shape.fields.every((field, i) => {
    return within(field.value.sources, assumed.fields[i]?.value.sources ?? NOTHING);
  });
}

function together(a: Shape, b: Shape, trace: Trace): Shape {
  return {
    ...a,
    fields: a.fields.map((field, i) => ({
      ...field,
      value: derived(trace.union([field.value.sources, b.fields[i]?.value.sources ?? NOTHING])),
    })),
  };
}
