import type {
  AppliedMask,
  Command,
  Decision,
  HiddenOutput,
  Hold,
  Mask,
  RuleReference,
} from "@gatehouse/core";

/** What of an answer is hidden. */
export interface Shown {
  /** undefined where the command can't tell: a gateway would then refuse it. */
  readonly masks: readonly AppliedMask[] | undefined;
  /** How each part of the answer is hidden that has a name. */
  readonly hidden?: readonly HiddenOutput[];
}

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
  | ({
      readonly effect: "allow";
      readonly rule: RuleReference;
      /** Rules that would have held it, had this identity not been one that may break their glass. */
      readonly brokeGlass?: readonly RuleReference[];
    } & Shown)
  | ({
      /** It waits for a person; what is shown is what its answer has when it was approved. */
      readonly effect: "hold";
      readonly rule: RuleReference;
      readonly holds: readonly [Hold, ...Hold[]];
      /** What its answer has when nobody has answered; or it is refused then. */
      readonly unanswered: "refuse" | Shown;
    } & Shown);

/** @param decision of this command */
export function endingOf(decision: Decision, command: Command): Ending {
  if (decision.effect === "block") {
    return { effect: "block", rule: decision.rule, message: decision.message };
  }
  const { rule, masks = [] } = decision;
  const shown = shownOf(masks, command);
  if ("message" in shown) {
    const { message, hint } = shown;
    const named = shown.rule ?? masks[0]?.rule ?? null;
    return { effect: "block", rule: named, message, masks: "refused", hint };
  }
  if (decision.effect === "hold") {
    const { holds } = decision;
    return { effect: "hold", rule, holds, ...shown, unanswered: unansweredOf(holds, masks, command) };
  }
  const { brokeGlass } = decision;
  return { effect: "allow", rule, ...shown, ...(brokeGlass ? { brokeGlass } : {}) };
}

/** The rules that decide: all that hold it, or would but for a broken glass, where there are any. */
export function decidersOf(ending: Ending): readonly RuleReference[] {
  if (ending.effect === "hold") return ending.holds.map(({ rule }) => rule);
  if (ending.effect === "allow" && ending.brokeGlass) return ending.brokeGlass;
  return ending.rule === null ? [] : [ending.rule];
}

type Refused = Extract<ReturnType<NonNullable<Command["mask"]>>, { ok: false }>;

function shownOf(masks: readonly Mask[], command: Command): Shown | Refused {
  if (masks.length === 0) return { masks: [] };
  const outcome = command.mask?.(masks);
  if (outcome === undefined) return { masks: undefined };
  if (!outcome.ok) return outcome;
  const { applied, hidden } = outcome;
  return { masks: applied, ...(hidden ? { hidden } : {}) };
}

/** Every rule that holds it has to let it through, and its answer has the masks of all of them beside the others. */
function unansweredOf(holds: readonly Hold[], masks: readonly Mask[], command: Command): "refuse" | Shown {
  const more: Mask[] = [];
  for (const { unanswered } of holds) {
    if (unanswered === "refuse") return "refuse";
    more.push(...unanswered);
  }
  const shown = shownOf([...masks, ...more], command);
  return "message" in shown ? "refuse" : shown;
}
