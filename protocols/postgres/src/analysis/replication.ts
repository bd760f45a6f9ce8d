import type { Access } from "@gatehouse/core";
import { type Analysis, DOES_NOTHING } from "./analysis.ts";

/** The commands of a walsender (protocol chapter, Streaming Replication Protocol) and what each may do. */
const COMMANDS: ReadonlyMap<string, Access> = new Map([
  ["IDENTIFY_SYSTEM", "read"],
  ["SHOW", "read"],
  ["TIMELINE_HISTORY", "read"],
  ["READ_REPLICATION_SLOT", "read"],
  ["CREATE_REPLICATION_SLOT", "admin"],
  ["ALTER_REPLICATION_SLOT", "admin"],
  ["DROP_REPLICATION_SLOT", "admin"],
  // All that is written to the server, or to one of its databases, whoever may read it.
  ["START_REPLICATION", "admin"],
  ["BASE_BACKUP", "admin"],
  ["UPLOAD_MANIFEST", "admin"],
]);

/** Their answers hold the database's contents, in no rows. */
const STREAMS: ReadonlySet<string> = new Set(["START_REPLICATION", "BASE_BACKUP"]);

/**
 * What a query on a connection for replication does, where it is one of the walsender's own commands. The server goes
 * by the first word, which has to stand in capitals, without a comment before it (repl_scanner.l).
 *
 * @returns undefined for anything else: SQL on a connection to a database, an error on a physical one
 */
export function analyzeReplication(text: string): Analysis | undefined {
  const [, command = ""] = /^[ \t\n\r\f]*([A-Z_]+)(?![A-Za-z0-9_$\u0080-\uffff])/.exec(text) ?? [];
  const access = COMMANDS.get(command);
  if (access === undefined) return undefined;
  const streams = STREAMS.has(command) ? { streams: true as const } : {};
  return { ...DOES_NOTHING, statements: 1, verbs: [command], access, own: access, ...streams };
}
