import type { Answer, Approval, ApprovalState, Approvers, Command, Hold, VoidReason } from "@gatehouse/core";
import { shortList, shortText, shortWord } from "./bounds.ts";
import type { ApprovalEvent, BreakGlassEvent, WebhookEvent } from "./event.ts";

/**
 * What a webhook says, in the form of its generic body (docs/webhooks.md). Other people's systems keep what they are
 * told: no parameter and no value of the command's text is in it, whoever may see them at the gateway.
 */
export type Report = {
  readonly version: 1;
  /** The same for all attempts to tell it. */
  readonly id: string;
  /** ISO 8601, as all times here. */
  readonly at: string;
} & (
  | { readonly event: ApprovalEvent["event"]; readonly approval: ReportedApproval }
  | { readonly event: "break-glass"; readonly breakGlass: ReportedBreakGlass }
);

export interface ReportedCommand {
  readonly verbs: readonly string[];
  readonly access: string;
  readonly resources: readonly string[];
  /** The text without its values; null where they can't be told apart. */
  readonly outline: string | null;
}

export interface ReportedRule {
  readonly policy: string;
  readonly rule: string;
}

export interface ReportedHold extends ReportedRule {
  readonly approvers: readonly Approvers[];
  readonly reasons: Hold["reasons"];
  readonly message?: string;
}

/** Who asks, and for what. */
export interface ReportedRequest {
  readonly requester: { readonly subject: string; readonly kind: string };
  readonly session: string;
  readonly protocol: string;
  readonly target: string;
  readonly level: string;
  readonly command: ReportedCommand;
  /** The requester's own words. */
  readonly reason?: string;
}

export interface ReportedApproval extends ReportedRequest {
  readonly id: string;
  readonly state: ApprovalState;
  readonly rules: readonly ReportedHold[];
  readonly requestedAt: string;
  readonly expiresAt: string;
  readonly answers: readonly {
    readonly by: string;
    readonly answer: Answer["answer"];
    readonly reason?: string;
    readonly at: string;
  }[];
  /** Of a void one. */
  readonly why?: VoidReason;
  /** Where it is answered. */
  readonly url?: string;
}

export interface ReportedBreakGlass extends ReportedRequest {
  /** Under which the audit log has it. */
  readonly reference: string;
  readonly rules: readonly ReportedRule[];
}

const MOST_ANSWERS = 50;

/** @param url where people answer, without a slash at its end */
export function reportOf(event: WebhookEvent, url: string | undefined): Report {
  if (event.event === "break-glass") {
    const { reference, at } = event;
    const id = `${reference}.break-glass`;
    return { version: 1, id, event: event.event, at: time(at), breakGlass: brokenGlass(event) };
  }
  const { approval } = event;
  const id = `${approval.id}.${event.event}`;
  const at = time(approval.changedAt);
  return { version: 1, id, event: event.event, at, approval: reported(approval, url) };
}

function reported(approval: Approval, url: string | undefined): ReportedApproval {
  const { id, state, session, holds, answers, why } = approval;
  return {
    id,
    state,
    ...requestOf({ ...approval, session: session.id }),
    rules: holds.map(({ rule, approvers, reasons, message }) => ({
      policy: rule.policy,
      rule: rule.rule,
      approvers,
      reasons,
      ...(message === undefined ? {} : { message: shortText(message) }),
    })),
    requestedAt: time(approval.requestedAt),
    expiresAt: time(approval.expiresAt),
    answers: answers.slice(0, MOST_ANSWERS).map(({ by, answer, reason, at }) => ({
      by: shortWord(by.subject),
      answer,
      ...(reason === undefined ? {} : { reason: shortText(reason) }),
      at: time(at),
    })),
    ...(why === undefined ? {} : { why }),
    ...(url === undefined ? {} : { url: `${url}/approvals/${id}` }),
  };
}

function brokenGlass({ reference, session, command, rules }: BreakGlassEvent): ReportedBreakGlass {
  const { id, identity, target, level } = session;
  const { protocol, reason } = command;
  return {
    reference,
    ...requestOf({
      requester: identity,
      session: id,
      protocol,
      target: target.name,
      level: level.name,
      command,
      ...(reason === undefined ? {} : { reason }),
    }),
    // Where a rule stands is the gateway's own business.
    rules: rules.map(({ policy, rule }) => ({ policy, rule })),
  };
}

interface Request {
  readonly requester: { readonly subject: string; readonly kind: string };
  readonly session: string;
  readonly protocol: string;
  readonly target: string;
  readonly level: string;
  readonly command: Pick<Command, "verbs" | "access" | "resources" | "outline">;
  readonly reason?: string;
}

/** Names each thing that is told: what a command comes to have besides stays here. */
function requestOf({
  requester,
  session,
  protocol,
  target,
  level,
  command,
  reason,
}: Request): ReportedRequest {
  const { verbs, access, resources, outline } = command;
  return {
    requester: { subject: shortWord(requester.subject), kind: requester.kind },
    session,
    protocol,
    target,
    level,
    command: {
      verbs: shortList(verbs),
      access,
      resources: shortList(resources),
      outline: outline === undefined ? null : shortText(outline),
    },
    ...(reason === undefined ? {} : { reason: shortText(reason) }),
  };
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
