import type { Approval, Command, RuleReference, Session, WebhookEventName } from "@gatehouse/core";

/** What became of one approval. */
export interface ApprovalEvent {
  readonly event: Exclude<WebhookEventName, "break-glass">;
  readonly approval: Approval;
}

/** A command that rules would have held, and that was let through at once since of whom it was. */
export interface BreakGlassEvent {
  readonly event: "break-glass";
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Under which the audit log has the command. */
  readonly reference: string;
  readonly session: Session;
  readonly command: Command;
  readonly rules: readonly RuleReference[];
}

/** What webhooks are told. */
export type WebhookEvent = ApprovalEvent | BreakGlassEvent;
