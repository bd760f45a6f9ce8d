import { chmodSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { GatehouseError, messageOf } from "@gatehouse/core";

/** SQLITE_BUSY, from SQLite's list of result codes. */
const BUSY = 5;

/** The right to write into one folder, for one open in one process. */
interface FolderLock {
  /** Later calls do nothing. */
  release(): void;
}

/**
 * Takes the lock of a folder. It is SQLite's exclusive lock on a file `lock` that stays empty: Node has no file
 * locks of its own, SQLite's are right on every platform and between two opens of one process, and the operating
 * system drops them when the process dies, so that none is ever stale.
 * @throws GatehouseError AUDIT_LOCKED when another holds it; AUDIT_FAILED when it can't be tried.
 */
export function lockFolder(folder: string): FolderLock {
  const path = join(folder, "lock");
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    database.exec("BEGIN EXCLUSIVE");
    // By path: to open and close the file a second time would drop this process's lock (POSIX fcntl locks).
    chmodSync(path, 0o600);
  } catch (cause) {
    database?.close();
    if (cause instanceof Error && "errcode" in cause && cause.errcode === BUSY) {
      throw new GatehouseError(
        "AUDIT_LOCKED",
        `Another gateway writes to the audit log in ${folder}. This one was not started on it.`,
        { hint: "Stop the other one first, or give this one a state folder of its own.", cause },
      );
    }
    throw new GatehouseError(
      "AUDIT_FAILED",
      `The lock ${path} of the audit log could not be taken: ${messageOf(cause)}. The log was not opened.`,
      { hint: "Check that the gateway's user may write to this folder.", cause },
    );
  }
  const held = database;
  return {
    release: () => {
      if (held.isOpen) held.close();
    },
  };
}
