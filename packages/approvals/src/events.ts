import type {
  Answer,
  Approval,
  AuditActor,
  AuditedCommand,
  AuditEvent,
  Outcome,
  VoidReason,
} from "@gatehouse/core";

export function requestedEvent(approval: Approval, command: AuditedCommand): AuditEvent {
  const { digest, detached, holds, policyVersion, reason, expiresAt } = approval;
  return {
    type: "approval.requested",
    ...about(approval),
    command,
    digest,
    ...(detached ? { detached } : {}),
    rules: holds.map(({ rule }) => rule),
    policyVersion,
    ...(reason === undefined ? {} : { reason }),
    expires: new Date(expiresAt).toISOString(),
  };
}

/** What people have said, and what has come of it. */
export function answerEvents(
  approval: Approval,
  answers: readonly Answer[],
  event: "yes" | "approve" | "deny",
): readonly AuditEvent[] {
  const said = answers.map(
    ({ answer, by, reason }): AuditEvent => ({
      type: "approval.answered",
      ...about(approval),
      answer,
      by,
      ...(reason === undefined ? {} : { reason }),
    }),
  );
  if (event === "yes") return said;
  return [
    ...said,
    { type: event === "approve" ? "approval.approved" : "approval.denied", ...about(approval) },
  ];
}

export function expiredEvent(approval: Approval): AuditEvent {
  return { type: "approval.expired", ...about(approval) };
}

export function voidEvent(approval: Approval, why: VoidReason): AuditEvent {
  return { type: "approval.void", ...about(approval), why };
}

export function outcomeEvent(approval: Approval, outcome: Outcome): AuditEvent {
  return { type: "approval.spent", ...about(approval), outcome };
}

function about({
  id,
  session,
  requester,
  target,
  level,
}: Approval): AuditActor & { readonly approval: string } {
  return { approval: id, session: session.id, subject: requester.subject, target, level };
}
