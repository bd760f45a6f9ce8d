import type { Access, Command, Decision, DecisionRequest, Mask, RuleReference } from "@gatehouse/core";
import { failureOf } from "./condition.ts";
import type { Evaluation } from "./evaluation.ts";
import type { Rule } from "./policy.ts";
import type { SelectedRule, Selection } from "./selection.ts";
import { includes } from "./who.ts";

/** Told of a rule whose condition failed at a command. The message quotes the rule, never the command. */
export type RuleErrorListener = (rule: RuleReference, message: string) => void;

/** What the rules of a selection are asked about one command with. */
export interface Asked {
  readonly request: DecisionRequest;
  readonly selection: Selection;
  readonly evaluation: Evaluation;
  readonly policyVersion: string;
  readonly onError: RuleErrorListener;
}

/**
 * How the rules of a selection come to one decision: a block wins over a hold, a hold over an allow, and what none of
 * them speaks of is refused.
 */
export function combine(asked: Asked): Decision {
  const { request, selection, evaluation, policyVersion } = asked;
  const { access, listed } = evaluation;
  for (const selected of selection.blocks) {
    const { rule } = selected;
    const said = ask(selected, asked);
    // Whether this rule would have blocked is not known, so it does.
    if (said === "failed") return blocked(rule, failedAt(rule.reference), policyVersion);
    if (said) return blocked(rule, rule.message ?? blockedBy(rule.reference), policyVersion);
  }
  const holding: SelectedRule[] = [];
  for (const selected of selection.holds) {
    const said = ask(selected, asked);
    // Whether this would have waited for somebody is not known, and neither is whom to ask.
    if (said === "failed") return blocked(selected.rule, failedAt(selected.rule.reference), policyVersion);
    if (said) holding.push(selected);
  }
  const permitting =
    holding.find((selected) => permits(selected, access)) ??
    selection.allows.find((selected) => permits(selected, access) && ask(selected, asked) === true);
  if (permitting === undefined) return refused(request, access, policyVersion);
  const masks = masksOf(asked);
  const common = { policyVersion, ...(listed ? { access } : {}), ...(masks.length > 0 ? { masks } : {}) };
  const [first] = holding;
  if (first === undefined) return { effect: "allow", rule: permitting.rule.reference, ...common };
  const { reference: rule } = first.rule;
  if (holding.every((selected) => breaksGlass(selected, request))) {
    return { effect: "allow", rule, ...common, brokeGlass: holding.map(({ rule }) => rule.reference) };
  }
  const holds = selection.holdSets.together(holding.map(({ rule }) => rule));
  return hasSome(holds)
    ? { effect: "hold", rule, holds, ...common }
    : blocked(first.rule, failedAt(rule), policyVersion);
}

/** A decision that no rule made. */
export function refused(
  { identity, target, command }: DecisionRequest,
  access: Access,
  policyVersion: string,
): Decision {
  const why = access === "unknown" ? ` ${unknownBecause(command)}` : "";
  const message = `No rule allows this for ${identity.subject} on ${target.name}.${why}`;
  return { effect: "block", rule: null, message, policyVersion };
}

/** Whether a rule can let through what has this access: what is unknown, only a rule that names that. */
export function permits({ condition }: Pick<SelectedRule, "condition">, access: Access): boolean {
  return access !== "unknown" || condition?.namesUnknown === true;
}

/** What a rule's condition says. That it failed is reported. */
function ask(selected: SelectedRule, { evaluation, onError }: Asked): boolean | "failed" {
  try {
    return evaluation.holds(selected);
  } catch (error) {
    onError(selected.rule.reference, failureOf(error));
    return "failed";
  }
}

function masksOf(asked: Asked): readonly Mask[] {
  const { masks, maskSets } = asked.selection;
  if (masks.length === 0) return [];
  // Whether one that failed would have masked is not known, so it does.
  const holding = masks.filter((selected) => ask(selected, asked) !== false);
  return maskSets.together(holding.map(({ rule }) => rule));
}

function breaksGlass({ rule: { hold } }: SelectedRule, { identity }: DecisionRequest): boolean {
  return hold?.breakGlass !== undefined && includes(hold.breakGlass, identity);
}

function hasSome<T>(list: readonly T[]): list is readonly [T, ...T[]] {
  return list.length > 0;
}

function blocked({ reference }: Rule, message: string, policyVersion: string): Decision {
  return { effect: "block", rule: reference, message, policyVersion };
}

/** Names of functions that a message has at the most. */
const NAMED = 3;

function unknownBecause({ userFunctions }: Command): string {
  if (userFunctions === undefined) return "What it would do could not be told.";
  const { names } = userFunctions;
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
  return `It runs ${names.slice(0, NAMED).join(", ")}${more}, and what that does is not known until a policy lists it under functions.`;
}

function blockedBy({ rule, policy }: RuleReference): string {
  return `Blocked by the rule "${rule}" of the policy "${policy}".`;
}

function failedAt({ rule, policy }: RuleReference): string {
  return `The rule "${rule}" of the policy "${policy}" could not be evaluated for this, so it was blocked.`;
}
