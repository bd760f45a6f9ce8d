import type { AccessTerms, Hold, Mask } from "@gatehouse/core";
import type { Condition } from "./condition.ts";
import type { Place, WhenEnvironment } from "./environment.ts";
import type { ListedFunctions } from "./listed-functions.ts";
import type { Memory } from "./memory.ts";
import type { Rule } from "./policy.ts";
import type { RuleSets } from "./rule-sets.ts";

export interface SelectedRule {
  readonly rule: Rule;
  /** Its place among the rules of its selection. */
  readonly number: number;
  readonly condition: Condition | undefined;
}

/** The rules that apply to one identity at one level of one target. */
export interface Selection {
  readonly environment: WhenEnvironment;
  readonly place: Place;
  readonly blocks: readonly SelectedRule[];
  readonly holds: readonly SelectedRule[];
  readonly allows: readonly SelectedRule[];
  /** Mask rules that hide something here. */
  readonly masks: readonly SelectedRule[];
  /** All that mask rules hide here, and hold rules that nobody answers, whatever their conditions. */
  readonly everyMask: readonly Mask[];
  readonly maskSets: RuleSets<Mask>;
  readonly holdSets: RuleSets<Hold>;
  /** What getting in needs beside a rule. */
  readonly access: AccessTerms | undefined;
  readonly functions: ListedFunctions;
  readonly memory: Memory;
}
