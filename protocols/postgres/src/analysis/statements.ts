import type { Access } from "@gatehouse/core";
import { asText, type Node } from "./node.ts";

/** A kind of statement: the verb that policies name, and what it does by itself. */
interface StatementKind {
  readonly verb: string;
  readonly access: Access;
}

const kind = (verb: string, access: Access): StatementKind => ({ verb, access });

/**
 * Every kind of statement that is understood, by its name in PostgreSQL's grammar. What stands not here is
 * `unknown`: a kind that a later version brings is refused until somebody has looked at it.
 */
export const statementKinds: ReadonlyMap<string, StatementKind> = new Map([
  ["SelectStmt", kind("SELECT", "read")],
  ["InsertStmt", kind("INSERT", "write")],
  ["UpdateStmt", kind("UPDATE", "write")],
  ["DeleteStmt", kind("DELETE", "write")],
  ["MergeStmt", kind("MERGE", "write")],
  ["TruncateStmt", kind("TRUNCATE", "write")],
  ["CopyStmt", kind("COPY", "read")],
  ["ExplainStmt", kind("EXPLAIN", "read")],
  ["TransactionStmt", kind("TRANSACTION", "read")],
  ["VariableSetStmt", kind("SET", "read")],
  ["VariableShowStmt", kind("SHOW", "read")],
  ["DiscardStmt", kind("DISCARD", "read")],
  ["DeallocateStmt", kind("DEALLOCATE", "read")],
  ["DeclareCursorStmt", kind("DECLARE", "read")],
  ["FetchStmt", kind("FETCH", "read")],
  ["ClosePortalStmt", kind("CLOSE", "read")],
  ["ConstraintsSetStmt", kind("SET CONSTRAINTS", "read")],
  ["ListenStmt", kind("LISTEN", "read")],
  ["UnlistenStmt", kind("UNLISTEN", "read")],
  ["NotifyStmt", kind("NOTIFY", "write")],
  ["LockStmt", kind("LOCK", "write")],
  // Parts of CREATE FUNCTION and of ALTER TABLE that the grammar has as statements.
  ["ReturnStmt", kind("RETURN", "read")],
  ["ReplicaIdentityStmt", kind("ALTER", "ddl")],
  // What this runs is known where its name is; a PREPARE is as what it prepares.
  ["ExecuteStmt", kind("EXECUTE", "read")],
  ["PrepareStmt", kind("PREPARE", "read")],
  // What these run is not in their own text.
  ["DoStmt", kind("DO", "unknown")],
  ["CallStmt", kind("CALL", "unknown")],
  ["DropStmt", kind("DROP", "ddl")],
  ["CommentStmt", kind("COMMENT", "ddl")],
  ["RenameStmt", kind("ALTER", "ddl")],
  ["ViewStmt", kind("CREATE", "ddl")],
  ["IndexStmt", kind("CREATE", "ddl")],
  ["RuleStmt", kind("CREATE", "ddl")],
  ["DefineStmt", kind("CREATE", "ddl")],
  ["CompositeTypeStmt", kind("CREATE", "ddl")],
  ["RefreshMatViewStmt", kind("REFRESH", "ddl")],
  ["ReindexStmt", kind("REINDEX", "ddl")],
  ["ClusterStmt", kind("CLUSTER", "ddl")],
  ["VacuumStmt", kind("VACUUM", "admin")],
  ["CheckPointStmt", kind("CHECKPOINT", "admin")],
  ["LoadStmt", kind("LOAD", "admin")],
  ["SecLabelStmt", kind("SECURITY LABEL", "admin")],
  ["GrantStmt", kind("GRANT", "admin")],
  ["GrantRoleStmt", kind("GRANT", "admin")],
  ["ReassignOwnedStmt", kind("REASSIGN", "admin")],
  ["ImportForeignSchemaStmt", kind("IMPORT", "admin")],
  ["DropOwnedStmt", kind("DROP", "admin")],
  ["DropRoleStmt", kind("DROP", "admin")],
  ["DropdbStmt", kind("DROP", "admin")],
  ["DropTableSpaceStmt", kind("DROP", "admin")],
  ["DropSubscriptionStmt", kind("DROP", "admin")],
  ["DropUserMappingStmt", kind("DROP", "admin")],
  ...["TableAs", "Schema", "Seq", "Enum", "Range", "Domain", "Function", "Trig", "Cast", "Stats"]
    .concat(["OpClass", "OpFamily", "Conversion", "Policy", "Transform"])
    .map((object) => [`Create${object}Stmt`, kind("CREATE", "ddl")] as const),
  ["CreateStmt", kind("CREATE", "ddl")],
  ["CreatedbStmt", kind("CREATE", "admin")],
  ...["Role", "TableSpace", "Extension", "Fdw", "ForeignServer", "ForeignTable", "UserMapping", "PLang"]
    .concat(["EventTrig", "Publication", "Subscription", "Am"])
    .map((object) => [`Create${object}Stmt`, kind("CREATE", "admin")] as const),
  ...["Table", "Enum", "Domain", "Seq", "Function", "Type", "Stats", "Operator", "OpFamily", "Collation"]
    .concat(["ObjectSchema", "ObjectDepends", "TSDictionary", "TSConfiguration", "Policy", "TableMoveAll"])
    .map((object) => [`Alter${object}Stmt`, kind("ALTER", "ddl")] as const),
  ...["Role", "RoleSet", "Database", "DatabaseSet", "DatabaseRefreshColl", "System", "Owner", "Extension"]
    .concat(["ExtensionContents", "Fdw", "ForeignServer", "UserMapping", "DefaultPrivileges", "EventTrig"])
    .concat(["Publication", "Subscription", "TableSpaceOptions"])
    .map((object) => [`Alter${object}Stmt`, kind("ALTER", "admin")] as const),
]);

const TRANSACTION_VERBS: ReadonlyMap<string, string> = new Map([
  ["TRANS_STMT_BEGIN", "BEGIN"],
  ["TRANS_STMT_START", "BEGIN"],
  ["TRANS_STMT_COMMIT", "COMMIT"],
  ["TRANS_STMT_ROLLBACK", "ROLLBACK"],
  ["TRANS_STMT_SAVEPOINT", "SAVEPOINT"],
  ["TRANS_STMT_RELEASE", "RELEASE"],
  ["TRANS_STMT_ROLLBACK_TO", "ROLLBACK"],
]);

/** The verb of a statement: its kind's, where that is not several in one. One that is not known is its own verb. */
export function verbOf(name: string, body: Node): string {
  switch (name) {
    case "TransactionStmt":
      return TRANSACTION_VERBS.get(asText(body["kind"]) ?? "") ?? "PREPARE TRANSACTION";
    case "GrantStmt":
    case "GrantRoleStmt":
      return body["is_grant"] === true ? "GRANT" : "REVOKE";
    default:
      return statementKinds.get(name)?.verb ?? name;
  }
}

/** Kinds whose grammar has a place for a password, a connection string, or a program that may be given one. */
export const maySpellSecret: ReadonlySet<string> = new Set([
  ...["AlterDatabaseSetStmt", "AlterRoleSetStmt", "AlterRoleStmt", "AlterSystemStmt", "CreateRoleStmt"],
  ...["AlterFdwStmt", "AlterForeignServerStmt", "AlterUserMappingStmt", "CreateFdwStmt"],
  ...[
    "CreateForeignServerStmt",
    "CreateForeignTableStmt",
    "CreateUserMappingStmt",
    "ImportForeignSchemaStmt",
  ],
  ...["AlterSubscriptionStmt", "CreateSubscriptionStmt", "CopyStmt", "DoStmt"],
]);
