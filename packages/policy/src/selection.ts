import type { Mask } from "@gatehouse/core";
import type { Condition } from "./condition.ts";
import type { Place, WhenEnvironment } from "./environment.ts";
import type { ListedFunctions } from "./listed-functions.ts";
import type { MaskSets } from "./mask-sets.ts";
import type { Memory } from "./memory.ts";
import type { Rule } from "./policy.ts";

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
  readonly allows: readonly SelectedRule[];
  /** Those that hide something here. */
  readonly masks: readonly SelectedRule[];
  /** What they hide here, whatever their conditions. */
  readonly everyMask: readonly Mask[];
  readonly maskSets: MaskSets;
  readonly functions: ListedFunctions;
  readonly memory: Memory;
}
