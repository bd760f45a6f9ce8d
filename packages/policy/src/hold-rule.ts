import type { Hold, Mask, RuleReference } from "@gatehouse/core";
import type { HoldKeys } from "./hold-keys.ts";
import { type Who, whoOf } from "./who.ts";

/** What a hold rule asks for, as it is written. */
export interface HoldRule extends Omit<Hold, "rule" | "unanswered"> {
  /** Who is let through at once. */
  readonly breakGlass: Who | undefined;
  /** Nobody's answer lets it through, with the masks of the rule. */
  readonly masksUnanswered: boolean;
}

/** Milliseconds. */
const EXPIRES = 15 * 60_000;

/** What a rule asks for; undefined for any but a hold rule. */
export function resolveHold({
  approvers,
  expires = EXPIRES,
  reason,
  scope = { same: "command", for: "once" },
  breakGlass,
  then,
  message,
}: HoldKeys & { readonly message?: string | undefined }): HoldRule | undefined {
  if (approvers === undefined) return undefined;
  return {
    approvers,
    expires,
    reasons: [...new Set(reason)],
    scope,
    breakGlass: breakGlass && whoOf(breakGlass),
    masksUnanswered: then === "allow-with-mask",
    ...(message === undefined ? {} : { message }),
  };
}

/**
 * The hold of a rule at one target.
 * @param masks of the rule there. Where it hides nothing there, nobody's answer refuses: it was to be let through with
 * less than there is to see.
 */
export function holdOf(rule: RuleReference, written: HoldRule, masks: readonly Mask[]): Hold {
  const { breakGlass: _, masksUnanswered, ...terms } = written;
  const unanswered = masksUnanswered && masks.length > 0 ? masks : "refuse";
  return { rule, ...terms, unanswered };
}
