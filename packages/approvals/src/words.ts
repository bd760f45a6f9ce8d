import type { Approval, Approvers, Hold, HoldNotice, Refusal, Standing, VoidReason } from "@gatehouse/core";
import { formatDuration } from "@gatehouse/documents";
import { usableUntil } from "./record.ts";
import { missing } from "./requirements.ts";

/** What a client is told when its command is not let through; the reference is whoever refuses it's to add. */
type Refused = Omit<Refusal, "reference">;

/**
 * What a client is told while its command waits.
 * @param url of the page of approvals, where there is one
 */
export function noticeOf(approval: Approval, url: string | undefined): HoldNotice {
  const { id, holds, expiresAt } = approval;
  const own = holds.flatMap(({ message }) => message ?? []).join(" ");
  const message = `Held by ${rulesOf(holds)}: it waits for ${peopleOf(holds)}.`;
  const needed = missing(approval).map(({ approvers }) => approversInWords(approvers));
  const command = `gatehouse approve ${id}`;
  return {
    message: own === "" ? message : `${message} ${own}`,
    detail: `Approval ${id}: ${[...new Set(needed)].join(", and ")}; until ${utc(expiresAt)}.`,
    hint: url === undefined ? command : `${url.replace(/\/+$/, "")}/approvals/${id}, or ${command}`,
  };
}

/** Who can approve: `1 of the group dba`, `2 of the groups dba or security`. */
function approversInWords({ groups, subjects, kinds, count }: Approvers): string {
  const of: string[] = [];
  if (subjects) of.push(either(subjects));
  if (groups) of.push(`the ${groups.length === 1 ? "group" : "groups"} ${either(groups)}`);
  const who = of.length === 0 ? "anybody else" : of.join(" in ");
  return `${count} of ${who}${kinds ? ` (${either(kinds)})` : ""}`;
}

/** Why a command that had to wait is refused now that its wait has ended. */
export function refusalOf(approval: Approval): Refused {
  const { id, state, holds, why, answers, expiresAt, requestedAt } = approval;
  switch (state) {
    case "denied": {
      const { by, reason } = answers.find(({ answer }) => answer === "deny") ?? {};
      const message = `Denied by ${by?.subject ?? "an approver"}${reason === undefined ? "." : `: "${reason}"`}`;
      return {
        kind: "policy",
        message,
        hint: `It was not run. Approval ${id} has what was asked and answered.`,
      };
    }
    case "expired": {
      const within = `within ${formatDuration(expiresAt - requestedAt)}`;
      const message =
        answers.length === 0
          ? `Nobody answered ${within}, so it was not run.`
          : `Not all who have to approve it answered ${within}, so it was not run.`;
      return { kind: "policy", message, hint: `Tell ${whom(holds)}. ${again(id)}` };
    }
    case "void":
      return refusalOfVoid(id, why ?? "changed");
    case "spent":
      return {
        kind: "policy",
        message: "What was approved was run already; an approval is good for one time.",
        hint: again(id),
      };
    case "pending":
    case "approved":
      return refusalOfVoid(id, "overtaken");
  }
}

/** The same where it is void, or about to be. */
export function refusalOfVoid(id: string, why: VoidReason): Refused {
  switch (why) {
    case "canceled":
      return {
        kind: "canceled",
        message: "canceling statement due to user request",
        hint: `It was held, and was not run. The approval ${id} is void.`,
      };
    case "client_gone":
    case "session_ended":
    case "overtaken":
      return {
        kind: "canceled",
        message: "What it belonged to ended while it was held, so it was not run.",
        hint: again(id),
      };
    case "changed":
      return {
        kind: "policy",
        message: "What this would do has changed since it was asked for, so it was not run.",
        hint: again(id),
      };
    case "policy_changed":
      return {
        kind: "policy",
        message: "The rules for this have changed since it was asked for, so it was not run.",
        hint: again(id),
      };
    case "not_recorded":
      return {
        kind: "internal",
        message: "It has to be approved, and that could not be put on record, so it was not run.",
        hint: `Try again; if it goes on, show ${id} to whoever runs the gateway.`,
      };
    case "unused":
      return {
        kind: "policy",
        message: "It was approved, and not sent again in time, so it was not run.",
        hint: again(id),
      };
    case "gateway_restarted":
      return {
        kind: "busy",
        message: "The gateway was shut down while this was held, so it was not run.",
        hint: again(id),
      };
  }
}

/** Why a detached command is refused that nobody has decided on yet. */
export function refusalOfWaiting(id: string): Refused {
  return {
    kind: "policy",
    message: "It still waits for people, so it was not run.",
    hint: `Send it again once the approval ${id} is approved.`,
  };
}

/** The same for one that is not what was asked for: another command, or of somebody else, at another target or level. */
export function refusalOfOther(id: string): Refused {
  return {
    kind: "policy",
    message: "This is not what was asked for under that approval, so it was not run.",
    hint: `Send what was asked for, unchanged in each byte, to the same target and level; or ask anew, without ${id}.`,
  };
}

/** How a detached one stands, for whoever has asked for it. */
export function standingOf(approval: Approval, url: string | undefined): Standing {
  const { id, state, why, outcome } = approval;
  const until = state === "approved" ? usableUntil(approval) : approval.expiresAt;
  const said = { id, state, until, ...(why ? { why } : {}), ...(outcome ? { outcome } : {}) };
  switch (state) {
    case "pending": {
      const { message, detail, hint } = noticeOf(approval, url);
      return { ...said, message: `${message} ${detail}`, hint };
    }
    case "approved":
      return {
        ...said,
        message: `It is approved: sent again, unchanged, it runs once, until ${utc(until)}.`,
      };
    case "spent":
      return { ...said, message: "It was let through, once.", hint: again(id) };
    case "denied":
    case "expired":
    case "void": {
      const { message, hint } = refusalOf(approval);
      return { ...said, message, ...(hint === undefined ? {} : { hint }) };
    }
  }
}

function again(id: string): string {
  return `Run it again to ask anew: the approval ${id} is at its end.`;
}

function rulesOf(holds: readonly Hold[]): string {
  const named = holds.map(({ rule }) => `"${rule.rule}" of the policy "${rule.policy}"`);
  return `the ${named.length === 1 ? "rule" : "rules"} ${named.join(" and ")}`;
}

function peopleOf(holds: readonly Hold[]): string {
  return holds.flatMap(({ approvers }) => approvers).reduce((sum, { count }) => sum + count, 0) === 1
    ? "a person"
    : "people";
}

function whom(holds: readonly Hold[]): string {
  const named = holds.flatMap(({ approvers }) => approvers.map(approversInWords));
  return [...new Set(named)].join(" and ");
}

function either(names: readonly string[]): string {
  return names.join(" or ");
}

/** A time as people read it: `2026-11-21 12:15:00 UTC`. */
function utc(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
