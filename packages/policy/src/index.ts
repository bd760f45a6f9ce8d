export {
  type CasesResult,
  caseFileJsonSchema,
  type PolicyCase,
  readCases,
} from "./cases/case-file.ts";
export type { RuleErrorListener } from "./combine.ts";
export { coverageOf, type RuleCoverage } from "./cases/coverage.ts";
export { type CaseResult, runCase } from "./cases/run-case.ts";
export { decidersOf, type Ending, endingOf, type Shown } from "./ending.ts";
export type {
  Explanation,
  LoadedPolicies,
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
export { misnamedPolicy } from "./misnamed.ts";
export type { ConditionPart } from "./reasons.ts";
export type { PolicyTarget } from "./policy.ts";
export { policyFileJsonSchema } from "./policy-file.ts";
