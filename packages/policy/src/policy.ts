import type { Identity, RuleReference } from "@gatehouse/core";
import type { FunctionLists } from "./listed-functions.ts";
import type { Condition } from "./condition.ts";
import type { PolicyAccess } from "./access.ts";
import type { HoldRule } from "./hold-rule.ts";
import type { MaskRule, Tags } from "./mask-rule.ts";
import type { Effect } from "./policy-file.ts";
import { includes, type Who } from "./who.ts";

/** What the policies need to know of a configured target. */
export interface PolicyTarget {
  readonly protocol: string;
  readonly levels: Iterable<string>;
  /** What its columns hold: tag -> columns. */
  readonly tags: Tags;
}

/** One rule, compiled for each protocol that it fits. */
export interface Rule {
  readonly reference: RuleReference;
  readonly effect: Effect;
  /** The condition as written; undefined is always. */
  readonly when: string | undefined;
  readonly message: string | undefined;
  /** Of a mask rule, what it hides and how; of a hold rule, what of an answer that nobody approved. */
  readonly mask: MaskRule | undefined;
  readonly hold: HoldRule | undefined;
  /** By protocol; undefined is always. A protocol that is not a key is one that the rule does not fit. */
  readonly conditions: ReadonlyMap<string, Condition | undefined>;
}

export interface Policy {
  readonly title: string;
  readonly file: string;
  readonly who: Who;
  /** Undefined is every target. */
  readonly targets: ReadonlySet<string> | undefined;
  /** Undefined is every level. */
  readonly levels: ReadonlySet<string> | undefined;
  /** Functions that the target's users have made, by what they are held to do. */
  readonly functions: FunctionLists;
  /** What whoever it is for needs to get in at all. */
  readonly access: PolicyAccess | undefined;
  readonly rules: readonly Rule[];
}

/** Why a policy does not apply, or undefined where it does. */
export function reasonAgainst(
  policy: Policy,
  identity: Identity,
  target: string,
  level: string,
): "who" | "target" | "level" | undefined {
  if (!includes(policy.who, identity)) return "who";
  if (policy.targets !== undefined && !policy.targets.has(target)) return "target";
  if (policy.levels !== undefined && !policy.levels.has(level)) return "level";
  return undefined;
}

/** Whether there is anybody at this level of this target to whom a policy applies. */
export function speaksOf({ targets, levels }: Policy, target: string, level: string): boolean {
  return (targets === undefined || targets.has(target)) && (levels === undefined || levels.has(level));
}
