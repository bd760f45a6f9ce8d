import type { AnswerLineage, AppliedMask, Level, RuleReference, Target, Understand } from "@gatehouse/core";
import { decidersOf, type Ending, endingOf } from "../ending.ts";
import type { LoadedPolicies } from "../engine.ts";
import { type Expectation, type PolicyCase, takesCatalog } from "./case-file.ts";

/** What came of a case. */
export interface CaseResult {
  readonly case: PolicyCase;
  readonly status: "passed" | "failed";
  /** What is not as expected, in words; empty unless it failed. */
  readonly failures: readonly string[];
  readonly ending: Ending;
  /** The rules that made this end: first the one that decided, or all that hold it, then the masks that hide something, or may. */
  readonly decisive: readonly RuleReference[];
}

/** What a case is run with. */
export interface Surroundings {
  readonly policies: LoadedPolicies;
  readonly target: Target;
  readonly level: Level;
  /** The target's protocol's, by the target's catalog where the case has one. */
  readonly understand: Understand;
  /** Milliseconds since the epoch, for cases that do not say. */
  readonly now: number;
}

/** Runs a case as a gateway would decide it, without a session or a database. */
export async function runCase(policyCase: PolicyCase, surroundings: Surroundings): Promise<CaseResult> {
  const { ending, decisive, lineage } = await endOf(policyCase, surroundings);
  const { expected, target } = policyCase;
  const masksOpen = ending.effect !== "block" && ending.masks === undefined;
  // It is not blocked by the rules, but one of its masks could still refuse it.
  const mayBlock =
    masksOpen &&
    expected.effect === "block" &&
    (expected.rule === undefined ||
      decisive.slice(decidersOf(ending).length).some(({ rule }) => rule === expected.rule));
  const open = mayBlock || (masksOpen && expected.masks !== undefined);
  const failures = mayBlock ? [] : [...failuresOf(expected, ending), ...lineageFailures(expected, lineage)];
  if (open) failures.push(`what its masks hide can't be told: ${takesCatalog(target)}`);
  return {
    case: policyCase,
    status: failures.length > 0 ? "failed" : "passed",
    failures,
    ending,
    decisive,
  };
}

type End = Pick<CaseResult, "ending" | "decisive"> & { readonly lineage?: readonly AnswerLineage[] };

async function endOf(
  { identity, statement, client, at }: PolicyCase,
  { policies, target, level, understand, now }: Surroundings,
): Promise<End> {
  const understood = await understand(statement, target);
  if (!understood.ok) {
    const { message } = understood.refusal;
    return { ending: { effect: "block", rule: null, message }, decisive: [] };
  }
  const { command, lineage = [] } = understood;
  const decision = policies.decide({
    identity,
    target,
    level,
    client: { host: client },
    command,
    now: at ?? now,
  });
  const ending = endingOf(decision, command);
  const deciders = decidersOf(ending);
  if (ending.effect === "block" || decision.effect === "block")
    return { ending, decisive: deciders, lineage };
  const masks = ending.masks ?? decision.masks ?? [];
  return { ending, decisive: [...deciders, ...masks.map(({ rule }) => rule)], lineage };
}

function failuresOf(expected: Expectation, ending: Ending): string[] {
  if (expected.effect !== ending.effect) {
    const why = ending.effect === "block" ? `: ${ending.message}` : "";
    return [`expected ${expected.effect}, it was ${ending.effect} by ${named(ending.rule)}${why}`];
  }
  const failures: string[] = [];
  const { rule } = ending;
  if (expected.rule !== undefined && expected.rule !== (rule?.rule ?? null)) {
    const wanted = expected.rule === null ? "no rule" : `"${expected.rule}"`;
    failures.push(`expected ${wanted} to decide, it was ${named(rule)}`);
  } else if (expected.policy !== undefined && expected.policy !== rule?.policy) {
    failures.push(`expected a rule of "${expected.policy}" to decide, it was ${named(rule)}`);
  }
  const { rules, masks } = expected;
  if (rules && ending.effect === "hold") {
    const held = sorted(ending.holds.map(({ rule }) => rule.rule));
    if (sorted(rules) !== held) failures.push(`expected ${sorted(rules)} to hold it, it was ${held}`);
  }
  if (masks === "refused" && ending.masks !== "refused") {
    failures.push(`expected its masks to refuse it, it was ${named(rule)}`);
  }
  if (masks !== "refused" && masks && ending.effect !== "block" && ending.masks) {
    failures.push(...maskFailures(masks, hiddenBy(ending.masks)));
  }
  return failures;
}

function lineageFailures(
  { lineage: expected }: Expectation,
  lineage: readonly AnswerLineage[] = [],
): string[] {
  const outputs = lineage.flatMap(({ outputs = [] }) => outputs);
  return [...(expected ?? [])].flatMap(([name, from]) => {
    const found = outputs.filter((output) => output.name === name);
    if (found.length === 0) {
      const others = outputs.length === 0 ? "none" : outputs.map((output) => output.name).join(", ");
      return [`expected a column "${name}" in the answer, it has ${others}`];
    }
    const [wanted, comes] = [sorted(from), sorted(found.flatMap((output) => output.from))];
    if (wanted === comes) return [];
    return [
      `expected "${name}" to come from ${wanted || "nothing stored"}, it comes from ${comes || "nothing stored"}`,
    ];
  });
}

function maskFailures(
  expected: ReadonlyMap<string, readonly string[] | undefined>,
  hidden: ReadonlyMap<string, readonly string[]>,
): string[] {
  const missing = [...expected].flatMap(([mask, hides]) => {
    const found = hidden.get(mask);
    if (found === undefined) return [`expected "${mask}" to hide something, it hid nothing`];
    if (hides === undefined || sorted(hides) === sorted(found)) return [];
    return [`expected "${mask}" to hide ${sorted(hides)}, it hid ${sorted(found)}`];
  });
  const unexpected = [...hidden].filter(([mask]) => !expected.has(mask));
  return [...missing, ...unexpected.map(([mask, hides]) => `"${mask}" hid ${sorted(hides)}`)];
}

/** By the rule's title: one rule can have several masks. */
function hiddenBy(masks: readonly AppliedMask[]): ReadonlyMap<string, readonly string[]> {
  const hidden = new Map<string, readonly string[]>();
  for (const { rule, hides } of masks) hidden.set(rule.rule, [...(hidden.get(rule.rule) ?? []), ...hides]);
  return hidden;
}

function sorted(names: readonly string[]): string {
  return [...new Set(names)].sort().join(", ");
}

function named(rule: RuleReference | null): string {
  return rule === null ? "no rule" : `"${rule.rule}" of "${rule.policy}" (${rule.source})`;
}
