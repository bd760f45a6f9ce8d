export type {
  Explanation,
  LoadedPolicies,
  RuleErrorListener,
  RuleExplanation,
  RuleOutcome,
} from "./engine.ts";
export {
  type LoadOptions,
  type LoadResult,
  loadPolicies,
  type PolicySummary,
  type PolicyText,
} from "./load.ts";
export type { PolicyTarget } from "./policy.ts";
export { policyFileJsonSchema } from "./policy-file.ts";
