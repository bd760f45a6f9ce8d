import type { LeaseStore } from "@gatehouse/credentials";
import { type Durability, openDatabase } from "./database.ts";
import { leaseSchema } from "./lease-schema.ts";
import { Statements } from "./records.ts";

/** Runs that are remembered. The users of one before those, if there are any, are taken for another gateway's. */
const MAX_RUNS = 1000;

const SCHEMA = {
  version: 1,
  sql: `
    CREATE TABLE runs (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      epoch TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE leases (
      kind TEXT NOT NULL,
      target TEXT NOT NULL,
      id TEXT NOT NULL,
      record TEXT NOT NULL,
      PRIMARY KEY (kind, target, id)
    ) STRICT, WITHOUT ROWID`,
};

/**
 * Opens the leases' file, and makes it where there is none.
 * @param file absolute path, in a folder that is there
 * @throws GatehouseError STORE_FAILED: also where another process has it open
 */
export function openLeaseStore(
  file: string,
  { durability }: { readonly durability: Durability },
): LeaseStore {
  const database = openDatabase(file, SCHEMA, durability);
  const statements = new Statements(file);
  const runs = database.prepare("SELECT epoch FROM runs ORDER BY number");
  const addRun = database.prepare("INSERT INTO runs (epoch) VALUES (?)");
  const forgetRuns = database.prepare("DELETE FROM runs WHERE number <= (SELECT max(number) FROM runs) - ?");
  const all = database.prepare("SELECT id, record FROM leases ORDER BY kind, target, id");
  const save = database.prepare(`
    INSERT INTO leases (kind, target, id, record) VALUES (?, ?, ?, ?)
    ON CONFLICT (kind, target, id) DO UPDATE SET record = excluded.record`);
  const forget = database.prepare("DELETE FROM leases WHERE kind = ? AND target = ? AND id = ?");

  function inTransaction(run: () => void): void {
    database.exec("BEGIN IMMEDIATE");
    try {
      run();
      database.exec("COMMIT");
    } catch (error) {
      // SQLite has rolled back by itself where there was no room.
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }

  return {
    begin: (epoch) =>
      statements.write(() => {
        const before = runs.all().map((row) => String(row["epoch"]));
        inTransaction(() => {
          addRun.run(epoch);
          forgetRuns.run(MAX_RUNS);
        });
        // A checkpoint waits for the disk, whatever the durability is: by its epoch all that a run has made is found again.
        database.exec("PRAGMA wal_checkpoint(FULL)");
        return before;
      }),
    write: ({ save: saved = [], forget: forgotten = [] }) => {
      statements.write(() =>
        inTransaction(() => {
          for (const record of saved) {
            save.run(record.kind, record.target, record.id, JSON.stringify(record));
          }
          for (const { kind, target, id } of forgotten) forget.run(kind, target, id);
        }),
      );
    },
    all: () => statements.read(() => all.all().map((row) => statements.record(leaseSchema, row))),
    close() {
      if (database.isOpen) database.close();
    },
  };
}
