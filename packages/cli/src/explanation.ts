import type { AnswerLineage, Facts, FactValue, Hiding, Mask, RuleReference } from "@gatehouse/core";
import {
  type ConditionPart,
  decidersOf,
  type Ending,
  type RuleExplanation,
  type Shown,
} from "@gatehouse/policy";
import type { Explained } from "./explain.ts";
import { printAccess, printHolds } from "./explanation-hold.ts";
import { paint, print, table } from "./output.ts";

/** Characters of a fact's value beside a condition; the facts have it whole. */
const VALUE = 60;

/** What `policy explain` says in words. */
export function printExplanation(explained: Explained): void {
  const { request, explanation, ending, access, facts, prefix, lineage } = explained;
  const { identity, target, level } = request;
  const groups = identity.groups.length > 0 ? ` of ${identity.groups.join(", ")}` : "";
  print(`${EFFECTS[ending.effect]}  ${identity.subject}${groups} on ${target.name} as ${level.name}`);
  print(`       ${decidedBy(ending)}`);
  if (ending.effect === "block") {
    print(`       ${ending.message}`);
    if (ending.hint !== undefined) print(`       ${ending.hint}`);
  }
  if (ending.effect === "allow" && ending.brokeGlass) {
    print(`       its glass is broken: not held by ${sourceOf(ending.brokeGlass)}, and that is reported`);
  }
  if (access) {
    heading("getting in");
    printAccess(access);
  }
  if (ending.effect === "hold") {
    heading("approval");
    printHolds(ending);
  }
  printFacts(facts, prefix);
  printRules(explanation.rules, decidersOf(ending));
  for (const [index, answer] of (lineage ?? []).entries()) {
    printLineage(answer, (lineage ?? []).length > 1 ? ` of statement ${index + 1}` : "");
  }
  const { decision } = explanation;
  if (decision.effect === "block") return;
  const { masks = [] } = decision;
  if (masks.length > 0) {
    heading("masks");
    if (ending.effect === "block") print(`  ${paint("red", "refused")}: ${ending.message}`);
    else printMasks(masks, ending, target.name);
  }
  if (ending.effect === "hold" && ending.unanswered !== "refuse") {
    heading("masks without an answer");
    const more = ending.holds.flatMap(({ unanswered }) => (unanswered === "refuse" ? [] : unanswered));
    printMasks([...masks, ...more], ending.unanswered, target.name);
  }
}

/** A command that came to no rule. */
export function printRefused(message: string): void {
  print(`${paint("red", "BLOCK")}  before any rule: ${message}`);
}

function heading(text: string): void {
  print(`\n${paint("bold", text)}`);
}

function printFacts(facts: Facts, prefix: string): void {
  heading("facts");
  print(
    table(
      Object.entries(facts).map(([name, value]) => [`${prefix}.${name}`, JSON.stringify(value)]),
      "  ",
    ),
  );
}

/** @param deciding the rules that decide, which are marked */
function printRules(rules: readonly RuleExplanation[], deciding: readonly RuleReference[]): void {
  heading("rules");
  const rows = table(
    rules.map((rule) => [
      rule.outcome.result === "matched" ? "●" : "·",
      rule.effect,
      rule.reference.rule,
      outcomeOf(rule),
      rule.reference.source,
    ]),
    "  ",
  ).split("\n");
  for (const [index, rule] of rules.entries()) {
    const row = rows[index] ?? "";
    const decides = deciding.includes(rule.reference);
    const aside = rule.outcome.result === "not_applicable";
    print(decides ? paint("bold", row) : aside ? paint("dim", row) : row);
    for (const part of rule.reasons) print(paint("dim", `      ${partOf(part)}`));
  }
}

function partOf({ text, result, facts }: ConditionPart): string {
  const seen = Object.entries(facts).map(([name, value]) => `${name} is ${shortened(value)}`);
  const came = result === "failed" ? "failed" : `is ${String(result)}`;
  return `${text} ${came}${seen.length > 0 ? `: ${seen.join(", ")}` : ""}`;
}

function shortened(value: FactValue): string {
  const text = JSON.stringify(value);
  return text.length > VALUE ? `${text.slice(0, VALUE - 1)}…` : text;
}

function outcomeOf({ outcome }: RuleExplanation): string {
  switch (outcome.result) {
    case "matched":
      return outcome.permits === false ? "matched, but does not name unknown access" : "matched";
    case "unmatched":
      return "did not match";
    case "failed":
      return `failed: ${outcome.message}`;
    case "unknown_access":
      return "does not name unknown access";
    case "not_applicable":
      return `is for another ${outcome.because === "who" ? "identity" : outcome.because}`;
  }
}

function printLineage({ outputs = [], predicates, flows, gaps }: AnswerLineage, of: string): void {
  heading(`lineage${of}`);
  const rows = outputs.map(({ name, from, exact }) => [
    name,
    "←",
    from.length === 0 ? "nothing stored" : `${from.join(", ")}${exact ? "" : " (computed)"}`,
  ]);
  if (rows.length > 0) print(table(rows, "  "));
  if (predicates.length > 0) print(`  which rows there are, or their order: ${predicates.join(", ")}`);
  for (const { from, to } of flows) {
    if (from.length > 0) print(`  to ${to}: ${from.join(", ")}`);
  }
  for (const gap of gaps) print(`  ${paint("yellow", "not understood")}: ${gap}`);
  if (rows.length + predicates.length + flows.length + gaps.length === 0) print("  nothing stored");
}

/** @param masks of the rules that match */
function printMasks(masks: readonly Mask[], { masks: applied, hidden = [] }: Shown, target: string): void {
  if (applied === undefined) {
    print(
      table(
        masks.map(({ rule, columns, fields = [], detect, with: transform }) => [
          [...columns, ...fields, ...detect].join(", "),
          transformOf(transform),
          sourceOf([rule]),
        ]),
        "  ",
      ),
    );
    const file = `${target}.catalog.json`;
    print(`  What they hide of this answer, or whether they refuse it, the target's catalog tells:`);
    print(`  gatehouse policy catalog ${target} > ${file}, and --catalog ${file} here.`);
    return;
  }
  const rows = [
    ...hidden.map(({ name, with: transform, rules }) => [name, transformOf(transform), sourceOf(rules)]),
    ...masks
      .filter(({ fields = [], detect }) => fields.length + detect.length > 0)
      .map(({ fields = [], detect, with: transform, rule, requests }) => [
        [...fields, ...(detect.length > 0 ? [`${detect.join(", ")} anywhere`] : [])].join(", ") +
          (requests ? ", in what is sent" : ""),
        transformOf(transform),
        sourceOf([rule]),
      ]),
  ];
  print(rows.length > 0 ? table(rows, "  ") : "  nothing of this answer is hidden");
}

function transformOf(transform: Hiding): string {
  switch (transform.kind) {
    case "partial":
      return `partial: ${transform.of}`;
    case "constant":
      return `constant: ${transform.value}`;
    default:
      return transform.kind;
  }
}

function sourceOf(rules: readonly RuleReference[]): string {
  return rules.map(({ rule, source }) => `${rule} (${source})`).join(", ");
}

const EFFECTS = {
  allow: paint("green", "ALLOW"),
  block: paint("red", "BLOCK"),
  hold: paint("yellow", "HOLD "),
} as const;

function decidedBy({ rule }: Ending): string {
  return rule === null ? "by no rule" : `by "${rule.rule}" of "${rule.policy}" (${rule.source})`;
}
