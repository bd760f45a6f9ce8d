import type { ApprovalStore } from "@gatehouse/approvals";
import type { Approval } from "@gatehouse/core";
import { approvalSchema } from "./approval-schema.ts";
import { type Durability, openDatabase } from "./database.ts";
import { Statements } from "./records.ts";

export type { Durability };

/** `open`: pending or approved, or spent and nobody has said yet what became of it. */
const SCHEMA = {
  version: 1,
  sql: `
    CREATE TABLE approvals (
      id TEXT PRIMARY KEY,
      state TEXT NOT NULL,
      open INTEGER NOT NULL,
      requested_at INTEGER NOT NULL,
      changed_at INTEGER NOT NULL,
      record TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX approvals_by_age ON approvals (requested_at, id);
    CREATE INDEX approvals_open ON approvals (requested_at) WHERE open = 1;
    CREATE INDEX approvals_ended ON approvals (changed_at) WHERE open = 0`,
};

/**
 * Opens the approvals' file, and makes it where there is none.
 * @param file absolute path, in a folder that is there
 * @throws GatehouseError STORE_FAILED: also where another process has it open
 */
export function openApprovalStore(
  file: string,
  { durability }: { readonly durability: Durability },
): ApprovalStore {
  const database = openDatabase(file, SCHEMA, durability);
  const save = database.prepare(`
    INSERT INTO approvals (id, state, open, requested_at, changed_at, record) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE
    SET state = excluded.state, open = excluded.open, changed_at = excluded.changed_at, record = excluded.record`);
  const get = database.prepare("SELECT id, record FROM approvals WHERE id = ?");
  const unfinished = database.prepare(
    "SELECT id, record FROM approvals WHERE open = 1 ORDER BY requested_at, id",
  );
  const list = database.prepare(`
    SELECT id, record FROM approvals
    WHERE (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
      AND (:before IS NULL OR (requested_at, id) < (SELECT requested_at, id FROM approvals WHERE id = :before))
    ORDER BY requested_at DESC, id DESC LIMIT :limit`);
  const forget = database.prepare("DELETE FROM approvals WHERE open = 0 AND changed_at < ?");

  const statements = new Statements(file);
  const approvalOf = (row: Record<string, unknown>) => statements.record(approvalSchema, row);

  return {
    save(approval) {
      const { id, state, requestedAt, changedAt } = approval;
      const open = Number(isOpen(approval));
      statements.write(() => save.run(id, state, open, requestedAt, changedAt, JSON.stringify(approval)));
    },
    get: (id) =>
      statements.read(() => {
        const row = get.get(id);
        return row && approvalOf(row);
      }),
    unfinished: () => statements.read(() => unfinished.all().map((row) => approvalOf(row))),
    list: ({ states, before, limit }) =>
      statements.read(() =>
        list
          .all({ states: states ? JSON.stringify(states) : null, before: before ?? null, limit })
          .map((row) => approvalOf(row)),
      ),
    forget: (endedBefore) => Number(statements.write(() => forget.run(endedBefore).changes)),
    close() {
      if (database.isOpen) database.close();
    },
  };
}

function isOpen({ state, outcome }: Approval): boolean {
  return state === "pending" || state === "approved" || (state === "spent" && outcome === undefined);
}
