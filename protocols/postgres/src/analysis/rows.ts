import { asList, asNode, type Node } from "./node.ts";

/** Whether a change looks at the rows that are there, and so can tell of them. */
export function readsTarget(name: string, rest: Node): boolean {
  if (rest["returningClause"] !== undefined || rest["whereClause"] !== undefined) return true;
  if (name === "InsertStmt") return asNode(rest["onConflictClause"])?.["action"] === "ONCONFLICT_UPDATE";
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

/** A condition that looks at no column is true for all rows or for none. */
function looksAtRows(condition: unknown): boolean {
  if (Array.isArray(condition)) return condition.some(looksAtRows);
  const node = asNode(condition);
  if (!node) return false;
  return "ColumnRef" in node || "CurrentOfExpr" in node || Object.values(node).some(looksAtRows);
}
