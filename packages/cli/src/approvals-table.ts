import type { ApprovalBody } from "@gatehouse/api/bodies";
import { fitted, lengthOfTime } from "./approvals-text.ts";
import { paint } from "./output.ts";

/** Columns of a terminal's line that no column of the table goes below, or above. */
const NARROWEST = 6;
const WIDEST = 40;
const GAP = 2;

const HEAD = ["ID", "STATE", "WHO", "WHERE", "WHAT", "RULE", "LEFT", "NEEDS"];
/** What is needed to answer is never cut: the id, the state and the time that is left. */
const WHOLE = [0, 1, 6];

/**
 * Approvals as lines of a table.
 * @param width in columns, that no line goes beyond
 */
export function approvalTable(
  approvals: readonly ApprovalBody[],
  width: number,
  now: number,
): readonly string[] {
  const rows = [HEAD, ...approvals.map((approval) => cellsOf(approval, now))];
  const widths = HEAD.map((_, column) => {
    const widest = Math.max(...rows.map((row) => fitted(row[column] ?? "").width));
    return WHOLE.includes(column) ? widest : Math.min(widest, WIDEST);
  });
  shrink(widths, width - GAP * (HEAD.length - 1));
  return rows.map((row, index) => {
    const cells = row.map((cell, column) => {
      const { shown, width: taken } = fitted(cell, widths[column]);
      const painted = index === 0 ? paint("dim", shown) : column === 1 ? paintState(shown) : shown;
      return column === row.length - 1 ? painted : painted + " ".repeat((widths[column] ?? 0) - taken);
    });
    return cells.join(" ".repeat(GAP));
  });
}

/** Takes from the widest one until all of them fit, or nothing is left to take. */
function shrink(widths: number[], available: number): void {
  const sum = () => widths.reduce((one, other) => one + other, 0);
  while (sum() > available) {
    const candidates = widths
      .map((width, column) => ({ width, column }))
      .filter(({ width, column }) => !WHOLE.includes(column) && width > NARROWEST)
      .sort((one, other) => other.width - one.width);
    const [widest] = candidates;
    if (!widest) return;
    widths[widest.column] = widest.width - 1;
  }
}

function cellsOf(approval: ApprovalBody, now: number): readonly string[] {
  return [
    approval.id,
    approval.state,
    approval.requester.subject,
    `${approval.target}/${approval.level}`,
    whatOf(approval),
    approval.holds.map(({ rule }) => rule.rule).join(", "),
    approval.state === "pending" ? lengthOfTime(Date.parse(approval.expiresAt) - now) : "-",
    approval.missing.map(neededOf).join("; ") || "-",
  ];
}

/** Somebody wants to be let in: there is no command yet. */
export function isAccess({ command }: ApprovalBody): boolean {
  return command.kind === "access" && command.verbs.includes("ACCESS");
}

/** `DELETE public.orders`, `access to orders as writer for 30m` */
export function whatOf(approval: ApprovalBody): string {
  const { command } = approval;
  if (isAccess(approval) && command.text !== null) return command.text;
  return [command.verbs.join(", "), command.resources.join(", ")].filter(Boolean).join(" ") || command.kind;
}

/** `1 of crew-approver` */
export function neededOf({ approvers, given }: ApprovalBody["missing"][number]): string {
  return `${Math.max(0, approvers.count - given)} of ${peopleOf(approvers)}`;
}

/** `dba or crew-lead, and ann: human` */
export function peopleOf({ groups, subjects, kinds }: ApprovalBody["missing"][number]["approvers"]): string {
  const lists = [groups, subjects, kinds].flatMap((list) => (list ? [list.join(" or ")] : []));
  return lists.join(", and ") || "anybody";
}

export function paintState(state: string): string {
  if (state === "pending") return paint("yellow", state);
  if (state === "approved" || state === "spent") return paint("green", state);
  return paint("red", state);
}
