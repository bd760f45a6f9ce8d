import type { Approval, ApprovalState } from "@gatehouse/core";

/**
 * What can happen to an approval. `yes`: somebody approves, and it does not suffice yet; `approve`: it does. `spend`:
 * its command is let through; `spend unanswered`: the same, masked, since nobody answered in time. `outcome`: what
 * became of that command is known.
 */
export type ApprovalEvent =
  | "yes"
  | "approve"
  | "deny"
  | "expire"
  | "void"
  | "spend"
  | "spend unanswered"
  | "outcome";

/** Where an approval stands, as far as it decides on what can happen to it. A spent one is settled by its outcome. */
export type Phase = ApprovalState | "settled";

/** What is not here can't happen. No way leads to `spent` but over enough people's yes, or a rule's own masks. */
const NEXT: Readonly<Record<Phase, Partial<Record<ApprovalEvent, Phase>>>> = {
  pending: { yes: "pending", approve: "approved", deny: "denied", expire: "expired", void: "void" },
  approved: { spend: "spent", void: "void" },
  expired: { "spend unanswered": "spent" },
  spent: { outcome: "settled" },
  denied: {},
  void: {},
  settled: {},
};

/** What an event makes of an approval; undefined where it can't happen, and changes nothing. */
export function next(phase: Phase, event: ApprovalEvent): Phase | undefined {
  return NEXT[phase][event];
}

export function phaseOf({ state, outcome }: Pick<Approval, "state" | "outcome">): Phase {
  return state === "spent" && outcome !== undefined ? "settled" : state;
}

/** The state that a phase is shown and kept as. */
export function stateOf(phase: Phase): ApprovalState {
  return phase === "settled" ? "spent" : phase;
}
