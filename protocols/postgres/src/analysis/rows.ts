import type { RowEvent } from "../catalog/catalog.ts";
import { givesRows } from "./builtins.ts";
import { functionNames } from "./names.ts";
import { asList, asNode, type Node } from "./node.ts";

const EVENTS: Readonly<Record<string, RowEvent>> = {
  InsertStmt: "insert",
  UpdateStmt: "update",
  DeleteStmt: "delete",
  CMD_INSERT: "insert",
  CMD_UPDATE: "update",
  CMD_DELETE: "delete",
};

/** What a change does to rows of its target. */
export function eventsOf(name: string, rest: Node): readonly RowEvent[] {
  const actions = asList(rest["mergeWhenClauses"]).map((clause) => {
    return String(asNode(asNode(clause)?.["MergeWhenClause"])?.["commandType"]);
  });
  if (asNode(rest["onConflictClause"])?.["action"] === "ONCONFLICT_UPDATE") actions.push("CMD_UPDATE");
  return [name, ...actions].flatMap((one) => EVENTS[one] ?? []);
}

/** Whether a change looks at the rows that are there, and so can tell of them. */
export function readsTarget(name: string, rest: Node): boolean {
  if (rest["returningClause"] !== undefined || rest["whereClause"] !== undefined) return true;
  const conflict = asNode(rest["onConflictClause"]);
  // With columns or a constraint to look for, DO NOTHING too says whether there is such a row.
  if (name === "InsertStmt")
    return conflict?.["action"] === "ONCONFLICT_UPDATE" || conflict?.["infer"] !== undefined;
  return name === "MergeStmt" || (name === "UpdateStmt" && looksAtRows(rest["targetList"]));
}

/** `WHERE true` chooses no rows, and neither does any condition that looks at none. */
export function isUnfiltered(name: string, rest: Node): boolean {
  if (name === "UpdateStmt" || name === "DeleteStmt") return !looksAtRows(rest["whereClause"]);
  if (name !== "MergeStmt" || looksAtRows(rest["joinCondition"])) return false;
  return asList(rest["mergeWhenClauses"]).some((clause) => {
    const action = asNode(asNode(clause)?.["MergeWhenClause"]);
    return action?.["commandType"] !== "CMD_INSERT" && action?.["commandType"] !== "CMD_NOTHING";
  });
}

/** Whether a SELECT gives rows of relations without a bound that LIMIT or FETCH FIRST sets. */
export function isUnlimited(select: Node): boolean {
  const reads =
    select["fromClause"] !== undefined || select["larg"] !== undefined || spreads(select["targetList"]);
  const count = asNode(asNode(select["limitCount"])?.["A_Const"]);
  // LIMIT ALL is LIMIT NULL.
  return reads && (select["limitCount"] === undefined || count?.["isnull"] === true);
}

/** unnest(ARRAY(SELECT ...)) gives rows without FROM. */
function spreads(targets: unknown): boolean {
  if (Array.isArray(targets)) return targets.some(spreads);
  const node = asNode(targets);
  if (!node) return false;
  const name = functionNames(asNode(node["FuncCall"])?.["funcname"]).at(-1);
  if (name !== undefined && givesRows(name)) return true;
  // A query inside gives one value.
  return !("SubLink" in node) && Object.values(node).some(spreads);
}

/** A condition that looks at no column is true for all rows or for none. */
function looksAtRows(condition: unknown): boolean {
  if (Array.isArray(condition)) return condition.some(looksAtRows);
  const node = asNode(condition);
  if (!node) return false;
  return "ColumnRef" in node || "CurrentOfExpr" in node || Object.values(node).some(looksAtRows);
}
