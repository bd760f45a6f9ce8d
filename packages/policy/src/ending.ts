import type { AppliedMask, Command, Decision, HiddenOutput, RuleReference } from "@gatehouse/core";

/** What would become of a command: its decision, with its masks looked after. */
export type Ending =
  | {
      readonly effect: "block";
      readonly rule: RuleReference | null;
      readonly message: string;
      /** The rules allow it, but its answer can't be given as the masks want it. What to do is in `hint`. */
      readonly masks?: "refused";
      readonly hint?: string;
    }
  | {
      readonly effect: "allow";
      readonly rule: RuleReference;
      /** What is hidden in its answer; undefined where the command can't tell: a gateway would then refuse it. */
      readonly masks: readonly AppliedMask[] | undefined;
      /** How each part of the answer is hidden that has a name. */
      readonly hidden?: readonly HiddenOutput[];
    };

/** @param decision of this command */
export function endingOf(decision: Decision, command: Command): Ending {
  if (decision.effect === "block") {
    return { effect: "block", rule: decision.rule, message: decision.message };
  }
  const { rule, masks } = decision;
  if (masks === undefined) return { effect: "allow", rule, masks: [] };
  const outcome = command.mask?.(masks);
  if (outcome?.ok === false) {
    const { message, hint } = outcome;
    const named = outcome.rule ?? masks[0]?.rule ?? null;
    return { effect: "block", rule: named, message, masks: "refused", hint };
  }
  const hidden = outcome?.hidden;
  return { effect: "allow", rule, masks: outcome?.applied, ...(hidden ? { hidden } : {}) };
}
