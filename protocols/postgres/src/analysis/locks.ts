import { asList, asNode, asText, type Node } from "./node.ts";

/** Locks of tables in PostgreSQL's words, without those that every read takes (chapter 13.3.1). */
export type TableLock =
  | "ROW SHARE"
  | "ROW EXCLUSIVE"
  | "SHARE UPDATE EXCLUSIVE"
  | "SHARE"
  | "SHARE ROW EXCLUSIVE"
  | "EXCLUSIVE"
  | "ACCESS EXCLUSIVE";

/** LOCK's modes (lockdefs.h), which the parser gives as numbers; the first is ACCESS SHARE. */
const MODES: readonly (TableLock | undefined)[] = [
  undefined,
  undefined,
  "ROW SHARE",
  "ROW EXCLUSIVE",
  "SHARE UPDATE EXCLUSIVE",
  "SHARE",
  "SHARE ROW EXCLUSIVE",
  "EXCLUSIVE",
  "ACCESS EXCLUSIVE",
];

const CHANGES: ReadonlySet<string> = new Set(["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"]);

/** Of tables and sequences that there are already. */
const OTHERS: ReadonlyMap<string, TableLock> = new Map([
  ["AlterDomainStmt", "SHARE"],
  ["AlterPublicationStmt", "SHARE UPDATE EXCLUSIVE"],
  ["AlterSeqStmt", "SHARE ROW EXCLUSIVE"],
  ["AlterStatsStmt", "SHARE UPDATE EXCLUSIVE"],
  ["CommentStmt", "SHARE UPDATE EXCLUSIVE"],
  ["CreatePublicationStmt", "SHARE UPDATE EXCLUSIVE"],
  ["CreateStatsStmt", "SHARE UPDATE EXCLUSIVE"],
  ["CreateTrigStmt", "SHARE ROW EXCLUSIVE"],
  ["SecLabelStmt", "SHARE UPDATE EXCLUSIVE"],
]);

/** Statements that lock tables which others may be using, for as long as the transaction lasts. */
const STRONGEST: ReadonlySet<string> = new Set([
  ...["AlterTableStmt", "AlterObjectSchemaStmt", "AlterPolicyStmt", "AlterTableMoveAllStmt", "ClusterStmt"],
  ...["CreatePolicyStmt", "DropStmt", "RenameStmt", "RuleStmt", "TruncateStmt"],
]);

/** The locks that a statement takes by its kind and its words. More may be said than are taken, never less. */
export function locksOf(kind: string, body: Node): readonly TableLock[] {
  if (CHANGES.has(kind)) return ["ROW EXCLUSIVE"];
  if (STRONGEST.has(kind)) return concurrently(body) ? ["SHARE UPDATE EXCLUSIVE"] : ["ACCESS EXCLUSIVE"];
  switch (kind) {
    case "SelectStmt":
      return body["lockingClause"] === undefined ? [] : ["ROW SHARE"];
    case "CopyStmt":
      return body["is_from"] === true ? ["ROW EXCLUSIVE"] : [];
    case "LockStmt": {
      const mode = MODES[Number(body["mode"])];
      return mode === undefined ? [] : [mode];
    }
    case "IndexStmt":
      return [concurrently(body) ? "SHARE UPDATE EXCLUSIVE" : "SHARE"];
    case "ReindexStmt":
      return [hasOption(body, "concurrently", true) ? "SHARE UPDATE EXCLUSIVE" : "ACCESS EXCLUSIVE"];
    case "RefreshMatViewStmt":
      return [concurrently(body) ? "EXCLUSIVE" : "ACCESS EXCLUSIVE"];
    case "VacuumStmt":
      return [hasOption(body, "full") ? "ACCESS EXCLUSIVE" : "SHARE UPDATE EXCLUSIVE"];
    case "ViewStmt":
      return body["replace"] === true ? ["ACCESS EXCLUSIVE"] : [];
    case "CreateStmt":
      return locksOfCreate(body);
    default: {
      const lock = OTHERS.get(kind);
      return lock === undefined ? [] : [lock];
    }
  }
}

function concurrently(body: Node): boolean {
  return body["concurrent"] === true;
}

/** A new table locks what it becomes a part of, and what it refers to. */
function locksOfCreate(body: Node): readonly TableLock[] {
  if (body["partbound"] !== undefined) return ["ACCESS EXCLUSIVE"];
  const locks: TableLock[] = body["inhRelations"] === undefined ? [] : ["SHARE UPDATE EXCLUSIVE"];
  if (JSON.stringify(body["tableElts"] ?? []).includes('"CONSTR_FOREIGN"')) locks.push("SHARE ROW EXCLUSIVE");
  return locks;
}

/** @param bare whether an option that is given a value, which may be `off`, does not count */
function hasOption(body: Node, name: string, bare = false): boolean {
  return asList(body["options"] ?? body["params"]).some((option) => {
    const { defname, arg } = asNode(asNode(option)?.["DefElem"]) ?? {};
    return asText(defname)?.toLowerCase() === name && !(bare && arg !== undefined);
  });
}
