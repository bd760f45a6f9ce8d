import type { Approval } from "@gatehouse/core";
import type pg from "pg";
import { type AuditLine, auditLines } from "../environment.ts";
import type { Table } from "./site.ts";

const TABLES: readonly Table[] = ["one_yes", "two_yeses", "masked"];

/** What the audit log has of one approval. */
export interface History {
  readonly table: Table;
  /** Of the command. */
  readonly id: string;
  /** In order: its own events, and those of commands that name it. */
  readonly lines: readonly AuditLine[];
}

/** What a gateway's log and its database say of the commands that a rule holds. */
export interface Executions {
  /** By approval. */
  readonly histories: ReadonlyMap<string, History>;
  /** How often each command was executed, as the database has it. */
  readonly rows: ReadonlyMap<string, number>;
  /** All that was executed, with what was rolled back. */
  readonly runs: number;
}

/** @param prefix of the ids that are looked at */
export async function readExecutions(
  superuser: pg.Client,
  state: string,
  prefix: string,
): Promise<Executions> {
  const found = new Map<string, { table: Table; id: string; lines: AuditLine[] }>();
  for (const line of await auditLines(state)) {
    const approval = approvalOf(line);
    if (approval === undefined) continue;
    if (line.type === "approval.requested") {
      const { text, parameters = [] } = line.command;
      const table = TABLES.find((name) => text.includes(` ${name} `));
      const id = parameters[0] ?? /'([^']*)'/.exec(text)?.[1];
      if (table && id?.startsWith(prefix)) found.set(approval, { table, id, lines: [] });
    }
    found.get(approval)?.lines.push(line);
  }
  const select = TABLES.map((table) => `select id from ${table}`).join(" union all ");
  const { rows } = await superuser.query<{ id: string; n: number }>(
    `select id, count(*)::int as n from (${select}) as executed where starts_with(id, $1) group by id`,
    [prefix],
  );
  const counted = await superuser.query<{ n: number }>(
    "select (case when is_called then last_value else 0 end)::int as n from runs",
  );
  return {
    histories: found,
    rows: new Map(rows.map(({ id, n }) => [id, n])),
    runs: counted.rows[0]?.n ?? -1,
  };
}

function approvalOf(line: AuditLine): string | undefined {
  if (line.type === "command") return line.decision.approval;
  return "approval" in line ? line.approval : undefined;
}

/** The ends that a history can have. */
const ENDS = new Set(["approval.denied", "approval.expired", "approval.void", "approval.spent"]);

/** An approval's own last event, its rejected answers aside. */
export function lastOf({ lines }: History): AuditLine | undefined {
  return lines.findLast(({ type }) => type.startsWith("approval.") && type !== "approval.rejected");
}

/** What must never be, whatever has happened, in words; nothing where all is well. */
export function violations({ histories, rows }: Executions): string[] {
  const found: string[] = [];
  const letThrough = new Map<string, number>();
  for (const [approval, history] of histories) {
    const { id, table, lines } = history;
    const allowed = lines.filter((line) => line.type === "command" && line.decision.effect === "allow");
    if (allowed.length > 0) letThrough.set(id, (letThrough.get(id) ?? 0) + allowed.length);
    if (allowed.length > 1) found.push(`${id}: let through ${allowed.length} times by ${approval}`);
    const [first] = allowed;
    if (first && !mayRun(lines.slice(0, lines.indexOf(first)), table))
      found.push(`${id}: let through without a yes, by ${approval}`);
  }
  for (const [id, count] of rows) {
    if (count > 1) found.push(`${id}: executed ${count} times`);
    if (!letThrough.has(id)) found.push(`${id}: executed, and not let through`);
  }
  for (const history of histories.values()) {
    const last = lastOf(history)?.type;
    if (rows.has(history.id) && last !== "approval.spent") found.push(`${history.id}: executed, and ${last}`);
  }
  return found;
}

/** Whether what stands on the log before a command suffices for it to be run. */
function mayRun(before: readonly AuditLine[], table: Table): boolean {
  const types = before.map(({ type }) => type);
  if (types.some((type) => type === "approval.denied" || type === "approval.void")) return false;
  if (types.includes("approval.expired")) return table === "masked";
  const people = before.flatMap((line) =>
    line.type === "approval.answered" && line.answer === "approve"
      ? [`${line.by.proof.issuer} ${line.by.subject}`]
      : [],
  );
  return types.includes("approval.approved") && new Set(people).size >= (table === "two_yeses" ? 2 : 1);
}

/**
 * Where the log and the store say different things of what has ended.
 * @param stored all that the store has
 */
export function disagreements({ histories }: Executions, stored: readonly Approval[]): string[] {
  const inStore = new Map(stored.map((approval) => [approval.id, approval]));
  const found: string[] = [];
  for (const [id, history] of histories) {
    const last = lastOf(history);
    const approval = inStore.get(id);
    if (!approval) {
      // The process has died between the two: nobody can answer it, and nothing else is on record of it.
      if (last?.type !== "approval.requested") found.push(`${id}: ${last?.type} is on the log alone`);
      continue;
    }
    const { state, outcome } = approval;
    if (!last || !ENDS.has(last.type)) found.push(`${id}: it has come to no end (${last?.type})`);
    else if (last.type !== `approval.${state}`)
      found.push(`${id}: ${last.type} on the log, ${state} in the store`);
    else if (last.type === "approval.spent" && last.outcome !== outcome)
      found.push(`${id}: ${last.outcome} on the log, ${outcome} in the store`);
  }
  return found;
}
