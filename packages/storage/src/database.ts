import { chmodSync, closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { GatehouseError, messageOf } from "@gatehouse/core";

/**
 * What a write outlives when its call has returned. `written`: the end of the process, also by kill -9. `synced`: that
 * of the machine too; each write then waits for the disk.
 */
export type Durability = "written" | "synced";

/** SQLITE_BUSY, from SQLite's list of result codes. */
const BUSY = 5;

/**
 * Opens a database file of the gateway's own, and makes it where there is none. One process has it at a time.
 * @param schema what makes an empty one; its number is what `PRAGMA user_version` of the file has to be
 * @throws GatehouseError STORE_FAILED
 */
export function openDatabase(
  file: string,
  schema: { readonly version: number; readonly sql: string },
  durability: Durability,
): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    reserve(file);
    database = new DatabaseSync(file);
    // By path: to open and close the file a second time would drop this process's lock (POSIX fcntl locks).
    chmodSync(file, 0o600);
    // In this order: a WAL that is opened under the exclusive lock needs no memory shared with other processes.
    database.exec("PRAGMA locking_mode = EXCLUSIVE");
    database.exec("PRAGMA journal_mode = WAL");
    database.exec(`PRAGMA synchronous = ${durability === "synced" ? "FULL" : "NORMAL"}`);
    // The lock is taken by the first transaction, and kept.
    database.exec("BEGIN IMMEDIATE");
    const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (version === 0) database.exec(`${schema.sql}; PRAGMA user_version = ${schema.version}`);
    else if (version !== schema.version) throw new Error(`it has the layout ${version}, of another gateway`);
    database.exec("COMMIT");
    return database;
  } catch (cause) {
    database?.close();
    if (cause instanceof Error && "errcode" in cause && cause.errcode === BUSY) {
      throw new GatehouseError("STORE_FAILED", `Another gateway has the store ${file} open.`, {
        hint: "Stop the other one first, or give this one a state folder of its own.",
        cause,
      });
    }
    throw new GatehouseError("STORE_FAILED", `The store ${file} can't be opened: ${messageOf(cause)}.`, {
      hint: "Check that the gateway's user may write to its folder, and which version has written it.",
      cause,
    });
  }
}

/** Makes the file for its owner alone, before there is anything in it; SQLite gives its other files the same mode. */
function reserve(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}
