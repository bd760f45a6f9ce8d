import type { AppliedMask, Level, Protocol, RuleReference, Target } from "@gatehouse/core";
import { type Ending, endingOf } from "../ending.ts";
import type { LoadedPolicies } from "../engine.ts";
import type { Expectation, PolicyCase } from "./case-file.ts";

/** What came of a case. */
export interface CaseResult {
  readonly case: PolicyCase;
  /** `open`: what it says of masks can't be told, since the command does not know what its answer will hold. */
  readonly status: "passed" | "failed" | "open";
  /** What is not as expected, in words; empty unless it failed. */
  readonly failures: readonly string[];
  readonly ending: Ending;
  /** The rules that made this end: first the one that decided, then the masks that hide something, or may. */
  readonly decisive: readonly RuleReference[];
}

/** What a case is run with. */
export interface Surroundings {
  readonly policies: LoadedPolicies;
  readonly target: Target;
  readonly level: Level;
  /** The target's protocol's. */
  readonly understand: Protocol["understand"];
  /** Milliseconds since the epoch, for cases that do not say. */
  readonly now: number;
}

/** Runs a case as a gateway would decide it, without a session or a database. */
export async function runCase(policyCase: PolicyCase, surroundings: Surroundings): Promise<CaseResult> {
  const { ending, decisive } = await endOf(policyCase, surroundings);
  const { expected } = policyCase;
  const masksOpen = ending.effect === "allow" && ending.masks === undefined;
  // It is allowed by the rules, but one of its masks could still refuse it.
  const mayBlock =
    masksOpen &&
    expected.effect === "block" &&
    (expected.rule === undefined || decisive.slice(1).some(({ rule }) => rule === expected.rule));
  const open = mayBlock || (masksOpen && expected.masks !== undefined);
  const failures = mayBlock ? [] : failuresOf(expected, ending);
  const status = failures.length > 0 ? "failed" : open ? "open" : "passed";
  return { case: policyCase, status, failures, ending, decisive };
}

async function endOf(
  { identity, statement, client, at }: PolicyCase,
  { policies, target, level, understand, now }: Surroundings,
): Promise<Pick<CaseResult, "ending" | "decisive">> {
  const understood = await understand(statement, target);
  if (!understood.ok) {
    const { message } = understood.refusal;
    return { ending: { effect: "block", rule: null, message }, decisive: [] };
  }
  const { command } = understood;
  const decision = policies.decide({
    identity,
    target,
    level,
    client: { host: client },
    command,
    now: at ?? now,
  });
  const ending = endingOf(decision, command);
  const decided = ending.rule === null ? [] : [ending.rule];
  if (ending.effect === "block" || decision.effect === "block") return { ending, decisive: decided };
  const masks = ending.masks ?? decision.masks ?? [];
  return { ending, decisive: [...decided, ...masks.map(({ rule }) => rule)] };
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
  if (ending.effect === "allow" && ending.masks !== undefined && expected.masks !== undefined) {
    failures.push(...maskFailures(expected.masks, hiddenBy(ending.masks)));
  }
  return failures;
}

function maskFailures(
  expected: NonNullable<Expectation["masks"]>,
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
