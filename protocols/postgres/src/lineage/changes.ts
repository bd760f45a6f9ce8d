import { asList, asNode, asText, type Node, namesIn } from "../analysis/node.ts";
import { dotted } from "../analysis/search-path.ts";
import type { Relation } from "../catalog/catalog.ts";
import { decides, evaluated, sourcesIn } from "./expressions.ts";
import { fromClause, fromItem } from "./from.ts";
import { isStar } from "./references.ts";
import { relationOf, shapeOf } from "./relations.ts";
import { fieldOf, type Item, type Scope } from "./scope.ts";
import { targetList } from "./select.ts";
import type { Trace } from "./trace.ts";
import {
  CLEAN,
  derived,
  NOTHING,
  type Shape,
  type Sources,
  sameSources,
  UNKNOWN_SHAPE,
  type Value,
} from "./values.ts";
import { withClause } from "./with.ts";

/** INSERT, UPDATE, DELETE and MERGE: the columns that RETURNING gives, or none. */
export function change(kind: string, body: Node, outer: Scope, trace: Trace): Shape {
  const scope = withClause(body["withClause"], outer, trace);
  const target = new Target(asNode(body["relation"]) ?? {}, trace);
  switch (kind) {
    case "InsertStmt":
      return insert(body, target, scope, trace);
    case "UpdateStmt": {
      const items = [target.item, ...fromClause(body["fromClause"], scope, trace)];
      target.set(body["targetList"], { items, outer: scope });
      decides(body["whereClause"] ?? [], { items, outer: scope }, trace);
      return target.returning(body["returningClause"], items.slice(1), [], scope);
    }
    case "DeleteStmt": {
      const items = [target.item, ...fromClause(body["usingClause"], scope, trace)];
      target.writesAll();
      decides(body["whereClause"] ?? [], { items, outer: scope }, trace);
      return target.returning(body["returningClause"], items.slice(1), [], scope);
    }
    default:
      return merge(body, target, scope, trace);
  }
}

/** All columns of a table that is emptied. */
export function truncate(range: Node, trace: Trace): void {
  new Target(range, trace).writesAll();
}

/** Columns of the rows that COPY brings. */
export function copyInto(range: Node, columns: readonly string[], where: unknown, trace: Trace): void {
  const target = new Target(range, trace);
  if (columns.length === 0) target.writesAll();
  for (const name of columns) target.assign(name, CLEAN);
  // It chooses among rows that the client sends, and looks at no others.
  const fields = target.shape.fields.map(({ name }) => ({ name, value: derived(NOTHING) }));
  decides(where ?? [], { items: [{ ...target.item, shape: { fields } }] }, trace);
}

/**
 * The relation that a statement changes. What its triggers do with the values is its owner's doing; what its rules put in
 * the statement's place is not known from the text.
 */
class Target {
  readonly shape: Shape;
  readonly item: Item;
  readonly #relation: Relation | undefined;
  readonly #trace: Trace;
  /** What was put into each column. */
  readonly #assigned = new Map<string, Sources>();

  constructor(range: Node, trace: Trace) {
    this.#trace = trace;
    this.#relation = relationOf(range, trace);
    this.shape = this.#relation ? shapeOf(this.#relation, trace) : UNKNOWN_SHAPE;
    const alias = asText(asNode(range["alias"])?.["aliasname"]);
    this.item = {
      name: alias ?? asText(range["relname"]),
      schema: alias === undefined ? this.#relation?.schema : undefined,
      shape: this.shape,
      columns: true,
      stored: true,
      relation: this.#relation?.id,
    };
    const relation = this.#relation;
    const all = relation ? [relation, ...trace.surroundings.catalog.relatives(relation.id)] : [];
    if (all.some(({ triggers }) => triggers)) trace.triggers = true;
    if (this.#relation?.rules === true) trace.gap(`the rules of ${this.#name()}`);
  }

  #name(): string {
    return this.#relation ? dotted([this.#relation.schema, this.#relation.name]) : "a relation";
  }

  /** The columns by name, in the order in which values are given for them. */
  columns(list: unknown): readonly string[] {
    const given = asList(list).map((item) => asText(asNode(asNode(item)?.["ResTarget"])?.["name"]) ?? "");
    return given.length > 0 ? given : this.shape.fields.map(({ name }) => name);
  }

  assign(name: string, { sources, exact }: Value): void {
    const trace = this.#trace;
    const column = fieldOf(this.shape, name, trace);
    if (!column) trace.gap(`the column ${name} of ${this.#name()}, which is not in the catalog`);
    const own = column?.sources ?? NOTHING;
    trace.add(trace.writes, own);
    if (column?.type !== undefined) trace.types.add(column.type);
    // SET a = a. What is computed from a masked value may be written so that its mask shows what it should hide.
    if (exact && sameSources(sources, own)) return;
    this.#assigned.set(name, trace.union([this.#assigned.get(name) ?? NOTHING, sources]));
    trace.flow(sources, `${this.#relation?.kind ?? "relation"} ${this.#name()}`);
  }

  decidedBy(name: string): void {
    this.#trace.add(this.#trace.predicates, fieldOf(this.shape, name, this.#trace)?.sources ?? NOTHING);
  }

  writesAll(): void {
    for (const { value } of this.shape.fields) this.#trace.add(this.#trace.writes, value.sources);
  }

  /** SET a = x, (b, c) = (SELECT ...). */
  set(list: unknown, scope: Scope): void {
    for (const item of asList(list)) {
      const target = asNode(asNode(item)?.["ResTarget"]) ?? {};
      const name = asText(target["name"]) ?? "";
      const value = assignedBy(target["val"], scope, this.#trace);
      const inside = sourcesIn(target["indirection"], scope, this.#trace);
      const part = target["indirection"] !== undefined;
      this.assign(name, part ? derived(this.#trace.union([value.sources, inside])) : value);
    }
  }

  /** What ON CONFLICT finds under the name `excluded`: the row that was to be inserted. */
  excluded(): Item {
    const fields = this.shape.fields.map(({ name }) => ({
      name,
      value: derived(this.#assigned.get(name) ?? NOTHING),
    }));
    return { name: "excluded", shape: { ...this.shape, fields }, columns: true };
  }

  /** @param before what `*` writes out before the target's own columns, as MERGE has it */
  returning(clause: unknown, after: readonly Item[], before: readonly Item[], outer: Scope): Shape {
    const node = asNode(clause);
    if (!node) return { fields: [] };
    const shape: Shape = {
      ...this.shape,
      fields: this.shape.fields.map(({ name, value }) => {
        const assigned = this.#assigned.get(name) ?? NOTHING;
        if (assigned.size === 0) return { name, value };
        const { origins = [] } = value;
        return { name, value: { ...derived(this.#trace.union([value.sources, assigned])), origins } };
      }),
    };
    const names = new Map([
      ["RETURNING_OPTION_OLD", "old"],
      ["RETURNING_OPTION_NEW", "new"],
    ]);
    for (const option of asList(node["options"])) {
      const { option: which, value } = asNode(asNode(option)?.["ReturningOption"]) ?? {};
      names.set(asText(which) ?? "", asText(value) ?? "");
    }
    const target = { ...this.item, shape };
    const versions = [...names.values()].map(
      (name): Item => ({ ...target, name, schema: undefined, columns: false }),
    );
    const items = [...before, target, ...after, ...versions];
    return targetList(node["exprs"], { items, outer }, this.#trace);
  }
}

function insert(body: Node, target: Target, scope: Scope, trace: Trace): Shape {
  const columns = target.columns(body["cols"]);
  for (const name of columns) target.assign(name, CLEAN);
  if (body["selectStmt"] !== undefined) {
    const given = trace.query(body["selectStmt"], scope);
    const all = given.rest && trace.all(given);
    for (const [i, name] of columns.entries()) {
      const value = all ? derived(all) : given.fields[i]?.value;
      if (value) target.assign(name, value);
    }
  }
  for (const item of asList(body["cols"])) {
    decides(asNode(asNode(item)?.["ResTarget"])?.["indirection"] ?? [], scope, trace);
  }
  const conflict = asNode(body["onConflictClause"]);
  if (conflict) {
    const infer = asNode(conflict["infer"]) ?? {};
    const own: Scope = { items: [target.item], outer: scope };
    // Whether there is a row of this value already, the answer tells.
    for (const element of asList(infer["indexElems"])) {
      const { name, expr } = asNode(asNode(element)?.["IndexElem"]) ?? {};
      const column = asText(name);
      if (column !== undefined) target.decidedBy(column);
      else decides(expr, own, trace);
    }
    decides(infer["whereClause"] ?? [], own, trace);
    // By its name, or any: which columns a constraint is about is not known.
    if (infer["indexElems"] === undefined) for (const name of columns) target.decidedBy(name);
    const both: Scope = { items: [target.item, target.excluded()], outer: scope };
    target.set(conflict["targetList"], both);
    decides(conflict["whereClause"] ?? [], both, trace);
  }
  return target.returning(body["returningClause"], [], [], scope);
}

function merge(body: Node, target: Target, scope: Scope, trace: Trace): Shape {
  const { top, below } = fromItem(body["sourceRelation"], [], scope, trace);
  const source = [top, ...below];
  const both: Scope = { items: [...source, target.item], outer: scope };
  decides(body["joinCondition"] ?? [], both, trace);
  for (const item of asList(body["mergeWhenClauses"])) {
    const clause = asNode(asNode(item)?.["MergeWhenClause"]) ?? {};
    decides(clause["condition"] ?? [], both, trace);
    switch (clause["commandType"]) {
      case "CMD_UPDATE":
        target.set(clause["targetList"], both);
        break;
      case "CMD_INSERT": {
        const columns = target.columns(clause["targetList"]);
        for (const name of columns) target.assign(name, CLEAN);
        for (const [i, value] of asList(clause["values"]).entries()) {
          target.assign(columns[i] ?? "", evaluated(value, both, trace));
        }
        break;
      }
      case "CMD_DELETE":
        target.writesAll();
        break;
      default:
    }
  }
  return target.returning(body["returningClause"], [], source, scope);
}

function assignedBy(node: unknown, scope: Scope, trace: Trace): Value {
  const several = asNode(asNode(node)?.["MultiAssignRef"]);
  if (!several) return evaluated(node, scope, trace);
  const place = Number(several["colno"]) - 1;
  const source = asNode(several["source"]);
  const query = asNode(source?.["SubLink"])?.["subselect"];
  if (query !== undefined) {
    const shape = trace.query(query, scope);
    return shape.rest ? derived(trace.all(shape)) : (shape.fields[place]?.value ?? CLEAN);
  }
  const row = asList(asNode(source?.["RowExpr"])?.["args"]);
  return evaluated(row.some(isStar) ? source : (row[place] ?? source), scope, trace);
}

/** The names that a list of String nodes has. */
export function listedNames(list: unknown): readonly string[] {
  return asList(list).flatMap(namesIn);
}
