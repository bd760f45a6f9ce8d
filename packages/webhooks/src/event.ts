import type { Approval, Command, Identity, RuleReference, WebhookEventName } from "@gatehouse/core";

/** What became of one approval. */
export interface ApprovalEvent {
  readonly event: Exclude<WebhookEventName, "break-glass">;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly approval: Approval;
}

/** A command that rules would have held, and that was let through at once since of whom it was. */
export interface BreakGlassEvent {
  readonly event: "break-glass";
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly command: Pick<Command, "verbs" | "access" | "resources" | "outline" | "reason">;
  /** Under which the audit log has the command. */
  readonly reference: string;
  readonly requester: Pick<Identity, "subject" | "kind">;
  readonly session: string;
  readonly protocol: string;
  readonly target: string;
  readonly level: string;
  readonly rules: readonly RuleReference[];
}

/** What webhooks are told. */
export type WebhookEvent = ApprovalEvent | BreakGlassEvent;
