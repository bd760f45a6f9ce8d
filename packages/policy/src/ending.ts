import type { AppliedMask, Command, Decision, RuleReference } from "@gatehouse/core";

/** What would become of a command: its decision, with its masks looked after. */
export type Ending =
  | { readonly effect: "block"; readonly rule: RuleReference | null; readonly message: string }
  | {
      readonly effect: "allow";
      readonly rule: RuleReference;
      /** What is hidden in its answer; undefined where the command can't tell: a gateway would then refuse it. */
      readonly masks: readonly AppliedMask[] | undefined;
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
    return { effect: "block", rule: outcome.rule ?? masks[0]?.rule ?? null, message: outcome.message };
  }
  return { effect: "allow", rule, masks: outcome?.applied };
}
