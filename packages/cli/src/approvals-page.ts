import type { ApprovalBody } from "@gatehouse/api/bodies";
import { type ErrorCode, errorCodes } from "@gatehouse/core";
import { isAccess, neededOf, paintState, peopleOf, whatOf } from "./approvals-table.ts";
import { lengthOfTime, visible, wrapped } from "./approvals-text.ts";
import { counted, paint } from "./output.ts";

/** Columns of the labels. What others have said stands behind them, so that none of it can pass for a label. */
const LABEL = 13;
const MIN_WIDTH = 40;
/** Lines that are shown of one thing, unless all of them are asked for. */
const LINES = { head: 16, tail: 6, value: 3, list: 4 };

export interface PageOptions {
  /** In columns. */
  readonly width: number;
  readonly full: boolean;
  readonly now: number;
}

/** All that an approver should know, as lines. */
export function approvalPage(approval: ApprovalBody, options: PageOptions): readonly string[] {
  const page = new Page(options);
  const { command, requester, session, holds } = approval;
  page.lines.push(
    `${paint("bold", visible(approval.id))}  ${paintState(visible(approval.state))}${standing(approval, options.now)}`,
    "",
  );
  page.command(approval);
  page.row("What", whatOf(approval));
  const access = isAccess(approval) ? "" : `${command.access}, `;
  page.row(
    "Access",
    `${access}on ${approval.target} as ${approval.level} (${approval.protocol}, ${command.kind})`,
  );
  page.row("Functions", command.functions.join(", "));
  page.row("Values of", command.touches === null ? "can't be told" : command.touches.join(", "));
  page.surroundings(approval.surroundings);
  page.lines.push("");
  page.row("Asked by", nameOf(requester));
  page.row("", `proved by ${proofOf(requester.proof)}`);
  page.row("Reason", approval.reason ?? "");
  page.row(
    "Waits",
    approval.detached
      ? "on no connection: once it is approved, its client has as long again to send it, unchanged"
      : "",
  );
  page.session(approval);
  page.row(
    "",
    isAccess(approval)
      ? ""
      : `${counted(session.commands, "command")} before, ${session.refused} refused${session.recent.length > 0 ? "; the last ones:" : ""}`,
  );
  for (const { at, effect, verbs, resources } of session.recent)
    page.row("", `  ${page.since(at)} ago  ${effect}  ${[...verbs, ...resources].join(" ")}`);
  page.lines.push("");
  for (const hold of holds) page.hold(hold, isAccess(approval));
  for (const { by, answer, reason, at } of approval.answers) {
    page.row(answer === "approve" ? "Yes" : "No", `${nameOf(by)}, proved by ${proofOf(by.proof)}, at ${at}`);
    page.row("", reason === undefined ? "" : `“${reason}”`);
  }
  page.row(
    "Missing",
    approval.missing.map((missing) => `${neededOf(missing)} (${missing.rule.rule})`).join("; "),
  );
  page.row(
    "With it",
    approval.alike > 0
      ? `${counted(approval.alike, "other command")} of the same kind ${approval.alike === 1 ? "waits" : "wait"} for the same yes`
      : "",
  );
  page.row(
    "Reused",
    approval.reused > 0 ? `${counted(approval.reused, "more command")} let through by the same yes` : "",
  );
  page.row("Digest", approval.digest);
  for (const delivery of approval.deliveries) page.delivery(delivery);
  page.lines.push("");
  page.next(approval);
  return page.lines;
}

class Page {
  readonly lines: string[] = [];
  readonly #width: number;
  readonly #full: boolean;
  readonly #now: number;

  constructor({ width, full, now }: PageOptions) {
    this.#width = Math.max(width, MIN_WIDTH);
    this.#full = full;
    this.#now = now;
  }

  /** Nothing where there is nothing to say. */
  row(label: string, text: string, limit = LINES.list): void {
    if (text === "") return;
    for (const [index, line] of this.#cut(wrapped(text, this.#width - LABEL), limit).entries())
      this.lines.push(paint("dim", (index === 0 ? label : "").padEnd(LABEL)) + line);
  }

  since(time: string): string {
    return lengthOfTime(this.#now - Date.parse(time));
  }

  command({ command, withheld }: ApprovalBody): void {
    this.#text(command.text ?? command.outline ?? "");
    for (const text of command.runs ?? []) {
      this.lines.push(paint("dim", "which runs"));
      this.#text(text);
    }
    this.lines.push("");
    if (withheld)
      this.row(
        "Withheld",
        "values that masks may hide from you: this is the command without them, and its parameters are not shown",
      );
    for (const [index, value] of (command.parameters ?? []).entries())
      this.row(`$${index + 1}`, value === null ? "NULL" : `'${value}'`, LINES.value);
  }

  /** Each line has a bar in front of it: no text can look as if it had ended. */
  #text(text: string): void {
    const bar = paint("dim", "│ ");
    const lines = wrapped(text, this.#width - 2).map((line) => bar + line);
    const hidden = lines.length - LINES.head - LINES.tail;
    if (this.#full || hidden <= 0) this.lines.push(...lines);
    // Both ends: what matters may stand behind a page of blank lines.
    else
      this.lines.push(
        ...lines.slice(0, LINES.head),
        paint("yellow", `… ${counted(hidden, "line")} not shown here: --full shows all`),
        ...lines.slice(-LINES.tail),
      );
  }

  session(approval: ApprovalBody): void {
    const { id, openedAt, client, application } = approval.session;
    const from = `from ${client}, application ${application || "unnamed"}`;
    if (id === "") this.row("Session", `none: asked for beforehand, from ${client}`);
    else if (isAccess(approval)) this.row("Session", `${id}, which would be let in, ${from}`);
    else this.row("Session", `${id}, open for ${this.since(openedAt)}, ${from}`);
  }

  surroundings({ transaction, rows }: ApprovalBody["surroundings"]): void {
    if (rows !== undefined) this.row("Rows", `about ${rows}, as the target expects`);
    if (!transaction) return;
    const { since, failed, locks } = transaction;
    this.row(
      "Transaction",
      `open for ${this.since(since)}${failed ? ", failed" : ""}; it keeps its locks while the command waits`,
    );
    for (const { on, mode } of locks) this.row("", `  ${mode} on ${on}`);
    if (locks.length === 0) this.row("", "  no locks");
  }

  /** @param isAccess how long a yes is good for, what was asked for says */
  hold(
    { rule, approvers, reasons, scope, unanswered, message }: ApprovalBody["holds"][number],
    isAccess: boolean,
  ): void {
    this.row("Held by", `${rule.policy}: ${rule.rule} (${rule.source})`);
    this.row("", message ?? "");
    for (const one of approvers) this.row("", `needs ${one.count} of ${peopleOf(one)}`);
    if (reasons.includes("approver")) this.row("", "whoever answers has to say why");
    if (!isAccess) this.row("", `a yes is good for ${scopeOf(scope)}`);
    this.row("", `without an answer it is ${unanswered === "refuse" ? "refused" : "let through with masks"}`);
  }

  delivery({ webhook, event, state, attempts, last, next }: ApprovalBody["deliveries"][number]): void {
    const again = next === undefined ? "" : `, again in ${lengthOfTime(Date.parse(next) - this.#now)}`;
    this.row(
      "Webhook",
      `${webhook}: ${event} ${state} after ${counted(attempts, "attempt")}${last === undefined ? "" : ` (${last})`}${again}`,
    );
  }

  /** What whoever looks can do now. */
  next({ id, state, unanswerable, holds }: ApprovalBody): void {
    if (state !== "pending") return;
    if (unanswerable !== undefined) {
      this.row("", `You can't answer it. ${meaningOf(unanswerable)} (${unanswerable})`);
      return;
    }
    const why = holds.some(({ reasons }) => reasons.includes("approver"))
      ? "--reason TEXT"
      : "[--reason TEXT]";
    for (const answer of ["approve", "deny"]) this.lines.push(`  gatehouse ${answer} ${visible(id)} ${why}`);
  }

  #cut(lines: readonly string[], limit: number): readonly string[] {
    if (this.#full || lines.length <= limit) return lines;
    const more = lines.length - limit;
    return [...lines.slice(0, limit), paint("yellow", `… ${counted(more, "more line")}: --full shows all`)];
  }
}

function standing({ state, expiresAt, why, outcome }: ApprovalBody, now: number): string {
  if (state === "pending") return `, ${lengthOfTime(Date.parse(expiresAt) - now)} left`;
  if (why !== undefined) return `: ${why.replaceAll("_", " ")}`;
  if (outcome === "in_doubt") return ": nobody can tell what became of it; it is never run again";
  return outcome === undefined ? "" : `: ${outcome}`;
}

function nameOf({ subject, kind, groups }: Omit<ApprovalBody["requester"], "proof">): string {
  return `${subject} (${[kind, ...groups].join(", ")})`;
}

function proofOf(proof: ApprovalBody["requester"]["proof"]): string {
  const { method, provider, issuer, tokenId, key, serial } = proof;
  const parts = [
    `${method} ${provider} (${issuer})`,
    ...(tokenId === undefined ? [] : [`token ${tokenId}`]),
    ...(key === undefined ? [] : [`key ${key}`]),
    ...(serial === undefined ? [] : [`certificate ${serial}`]),
  ];
  return parts.join(", ");
}

function scopeOf({ same, for: long }: ApprovalBody["holds"][number]["scope"]): string {
  const command = same === "command" ? "this very command" : "this command with any values";
  if (long === "once") return `${command}, once`;
  if (long === "session") return `${command}, for the rest of the session`;
  return `${command}, for ${lengthOfTime(long * 1000)}, in every session of whoever asks`;
}

function meaningOf(code: string): string {
  return Object.hasOwn(errorCodes, code) ? errorCodes[code as ErrorCode] : "";
}
