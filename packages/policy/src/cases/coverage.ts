import type { RuleReference } from "@gatehouse/core";
import type { LoadedPolicies } from "../engine.ts";
import type { CaseResult } from "./run-case.ts";

/** A rule, and how many cases it was decisive in. */
export type RuleCoverage = LoadedPolicies["rules"][number] & { readonly decisive: number };

/** How often each rule was decisive: one that never was could say anything, and no case would know. */
export function coverageOf(
  { rules }: Pick<LoadedPolicies, "rules">,
  results: readonly CaseResult[],
): RuleCoverage[] {
  const counts = new Map<string, number>();
  for (const { decisive } of results) {
    for (const key of new Set(decisive.map(keyOf))) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return rules.map(({ reference, effect }) => ({
    reference,
    effect,
    decisive: counts.get(keyOf(reference)) ?? 0,
  }));
}

function keyOf({ policy, rule }: RuleReference): string {
  return JSON.stringify([policy, rule]);
}
