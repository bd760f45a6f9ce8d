import type { GrantStore } from "@gatehouse/grants";
import { type Durability, openDatabase } from "./database.ts";
import { grantSchema } from "./grant-schema.ts";
import { Statements } from "./records.ts";

/** `ends_at`: when its time is over, or when it was taken back. */
const SCHEMA = {
  version: 1,
  sql: `
    CREATE TABLE grants (
      id TEXT PRIMARY KEY,
      starts_at INTEGER NOT NULL,
      ends_at INTEGER NOT NULL,
      record TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX grants_by_end ON grants (ends_at)`,
};

/**
 * Opens the grants' file, and makes it where there is none.
 * @param file absolute path, in a folder that is there
 * @throws GatehouseError STORE_FAILED: also where another process has it open
 */
export function openGrantStore(
  file: string,
  { durability }: { readonly durability: Durability },
): GrantStore {
  const database = openDatabase(file, SCHEMA, durability);
  const save = database.prepare(`
    INSERT INTO grants (id, starts_at, ends_at, record) VALUES (?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET ends_at = excluded.ends_at, record = excluded.record`);
  const get = database.prepare("SELECT id, record FROM grants WHERE id = ?");
  const living = database.prepare("SELECT id, record FROM grants WHERE ends_at > ? ORDER BY starts_at, id");
  const forget = database.prepare("DELETE FROM grants WHERE ends_at < ?");
  const statements = new Statements(file);
  const grantOf = (row: Record<string, unknown>) => statements.record(grantSchema, row);
  return {
    save(grant) {
      const { id, from, until, revoked } = grant;
      statements.write(() => save.run(id, from, revoked?.at ?? until, JSON.stringify(grant)));
    },
    get: (id) =>
      statements.read(() => {
        const row = get.get(id);
        return row && grantOf(row);
      }),
    // One that was taken back is none, be the clock set back since.
    living: (now) =>
      statements.read(() =>
        living
          .all(now)
          .map((row) => grantOf(row))
          .filter(({ revoked }) => revoked === undefined),
      ),
    forget: (endedBefore) => Number(statements.write(() => forget.run(endedBefore).changes)),
    close() {
      if (database.isOpen) database.close();
    },
  };
}
