import { asList, asNode, asText, type Node } from "./node.ts";

/** Kinds that define or administer nothing that runs beside other statements. */
const PLAIN: ReadonlySet<string> = new Set([
  ...["CheckPointStmt", "CommentStmt", "CreateEnumStmt", "AlterEnumStmt", "CreateSeqStmt", "AlterSeqStmt"],
  ...["CreateStatsStmt", "AlterStatsStmt", "CreateTableAsStmt", "ClusterStmt", "DropStmt", "GrantStmt"],
  ...["GrantRoleStmt", "IndexStmt", "RefreshMatViewStmt", "ReindexStmt", "VacuumStmt"],
]);

/** Parts of ALTER TABLE that hang nothing on the table. What they say in expressions, the statement itself is seen to call. */
const PLAIN_COMMANDS: ReadonlySet<string> = new Set(
  ["AddColumn", "AddConstraint", "AddIdentity", "AddIndex", "AddIndexConstraint", "AlterColumnType"]
    .concat(["AlterConstraint", "ColumnDefault", "CookedColumnDefault", "DropColumn", "DropConstraint"])
    .concat(["DropIdentity", "DropNotNull", "DropExpression", "SetAccessMethod", "SetCompression"])
    .concat(["SetIdentity", "SetNotNull", "SetOptions", "SetRelOptions", "SetStatistics", "SetStorage"])
    .concat(["SetTableSpace", "ValidateConstraint", "DropCluster", "ClusterOn", "ReplicaIdentity"])
    .map((name) => `AT_${name}`),
);

/** Renamed, they leave the names by which statements find what is hung on them as they are. */
const PLAIN_NAMES: ReadonlySet<string> = new Set(
  [
    "ATTRIBUTE",
    "COLUMN",
    "DATABASE",
    "DOMCONSTRAINT",
    "POLICY",
    "ROLE",
    "RULE",
    "TABCONSTRAINT",
    "TABLESPACE",
  ]
    .concat(["TRIGGER"])
    .map((name) => `OBJECT_${name}`),
);

/**
 * Whether a definition may change what other statements do beside what they say: it makes a trigger, a function, a view,
 * an operator, a policy, a part of another table. What is not known to be plain may.
 */
export function redefines(kind: string, body: Node): boolean {
  switch (kind) {
    case "CreateStmt":
      return (
        ["inhRelations", "partbound", "ofTypename"].some((key) => body[key] !== undefined) ||
        // It takes over defaults, checks and what columns are computed from.
        asList(body["tableElts"]).some((element) => "TableLikeClause" in (asNode(element) ?? {}))
      );
    case "RenameStmt":
      return !PLAIN_NAMES.has(asText(body["renameType"]) ?? "");
    case "CreateSchemaStmt":
      return asList(body["schemaElts"]).some((element) => {
        const [[inner, statement] = ["", undefined]] = Object.entries(asNode(element) ?? {});
        return redefines(inner, asNode(statement) ?? {});
      });
    case "AlterTableStmt":
      return asList(body["cmds"]).some((command) => {
        const { subtype } = asNode(asNode(command)?.["AlterTableCmd"]) ?? {};
        return !PLAIN_COMMANDS.has(asText(subtype) ?? "");
      });
    default:
      return !PLAIN.has(kind);
  }
}
