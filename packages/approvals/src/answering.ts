import { type Answer, type Approval, type ErrorCode, errorCodes, GatehouseError } from "@gatehouse/core";
import type { ApprovalEvent } from "./machine.ts";
import { LONGEST_REASON } from "./record.ts";
import { isMet, type Person, whyNot } from "./requirements.ts";

/** What somebody says to an approval. */
export interface Given {
  readonly answer: "approve" | "deny";
  readonly reason?: string | undefined;
}

/** Control characters, and what turns the direction of text around: a reason is shown on other people's terminals. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/**
 * What an answer comes to.
 * @param approval as it stands now
 * @returns the answer as it is kept, and what it does with the approval
 * @throws GatehouseError of the APPROVAL_ family: it comes to nothing
 */
export function judge(
  approval: Approval,
  by: Person,
  given: Given,
  at: number,
): { readonly answer: Answer; readonly event: Extract<ApprovalEvent, "yes" | "approve" | "deny"> } {
  const refused = whyNot(approval, by);
  if (refused !== undefined) throw noAnswer(refused, approval.id);
  const reason = readReason(approval, given);
  const { subject, kind, groups, proof } = by;
  const answer: Answer = {
    by: { subject, kind, groups, proof },
    answer: given.answer,
    ...(reason === undefined ? {} : { reason }),
    at,
  };
  if (given.answer === "deny") return { answer, event: "deny" };
  const met = isMet({ ...approval, answers: [...approval.answers, answer] });
  return { answer, event: met ? "approve" : "yes" };
}

/** The error for an answer that comes to nothing. */
export function noAnswer(code: ErrorCode, id: string, hint: string = HINTS[code] ?? ""): GatehouseError {
  return new GatehouseError(code, `${errorCodes[code]} Nothing has changed.`, {
    hint: hint === "" ? `gatehouse approvals show ${id}` : hint,
  });
}

const HINTS: Partial<Record<ErrorCode, string>> = {
  APPROVAL_OWN: "Ask somebody else of those who may approve it.",
  APPROVAL_UNKNOWN: "gatehouse approvals lists those that there are.",
};

/** Only a yes needs one, where the rule asks for it: what keeps somebody from a no lets more through. */
function readReason({ id, holds }: Approval, { answer, reason: said }: Given): string | undefined {
  const reason = said?.trim();
  if (reason === undefined || reason === "") {
    const needed = answer === "approve" && holds.some(({ reasons }) => reasons.includes("approver"));
    if (needed) throw noAnswer("APPROVAL_REASON", id, "Say why, with --reason.");
    return undefined;
  }
  if (reason.length > LONGEST_REASON || UNPRINTABLE.test(reason) || !reason.isWellFormed()) {
    const hint = `Use one line of plain text of ${LONGEST_REASON} characters at the most.`;
    throw noAnswer("APPROVAL_REASON", id, hint);
  }
  return reason;
}
