import type { SettingsIssue } from "@gatehouse/core";
import { didYouMean } from "@gatehouse/documents";
import { PARTIAL_FORMS } from "./mask-keys.ts";
import { formless, hasFields, type MaskRule, matching } from "./mask-rule.ts";
import type { PolicyTarget } from "./policy.ts";
import type { PolicyFile } from "./policy-file.ts";

type WrittenRule = PolicyFile["rules"][number];

/** What tags and detectors are looked up in. */
interface Names {
  readonly targets: ReadonlyMap<string, Pick<PolicyTarget, "tags" | "protocol">>;
  /** The names of all detectors. */
  readonly detectors: readonly string[];
}

/** What a mask rule asks for, with its detectors looked up; undefined for any other rule. */
export function resolveMask(
  {
    columns = [],
    tags = [],
    fields = [],
    detect = [],
    with: transform,
    predicates = "refuse",
    requests,
  }: WrittenRule,
  detectors: readonly string[],
): MaskRule | undefined {
  if (transform === undefined) return undefined;
  const detected = new Set(detect.flatMap((pattern) => matching(pattern, detectors)));
  return { columns, tags, fields, detect: [...detected], with: transform, predicates, requests };
}

/**
 * Names of tags and detectors that there are not, and parts that can't be told.
 * @param path of the rule
 * @param named the targets of its policy
 */
export function maskIssues(
  rule: WrittenRule,
  path: readonly (string | number)[],
  named: readonly string[],
  { targets, detectors }: Names,
): SettingsIssue[] {
  const mask = resolveMask(rule, detectors);
  if (mask === undefined || named.length === 0) return [];
  const meant = named.flatMap((name) => targets.get(name) ?? []);
  const issues = [
    ...strangers(rule.tags, new Set(meant.flatMap(({ tags }) => [...tags.keys()])), (tag) => ({
      path: [...path, "tags"],
      message: `"${tag}" is not a tag of any of these targets`,
    })),
    ...strangers(rule.detect, new Set(detectors), (detector) => ({
      path: [...path, "detect"],
      message: `"${detector}" is not a detector`,
    })),
  ];
  for (const key of ["fields", "requests"] as const) {
    if (rule[key] === undefined || meant.some(hasFields)) continue;
    const message = `\`${key}\` is for targets that speak HTTP: none of this policy's does`;
    issues.push({ path: [...path, key], message });
  }
  const unclear = meant.map((target) => formless(mask, target)).find((name) => name !== undefined);
  if (unclear !== undefined) {
    const message = `which part of "${unclear}" may stay can't be told from its name: ${FORMS}`;
    issues.push({ path: [...path, "with"], message });
  }
  return issues;
}

const FORMS = `write { partial: ${PARTIAL_FORMS.join(" }, { partial: ")} }`;

/** Patterns that stand for none of the names, each with the nearest that would. */
function strangers(
  patterns: readonly string[] | undefined,
  names: ReadonlySet<string>,
  issueOf: (pattern: string) => SettingsIssue,
): SettingsIssue[] {
  const kinds = [...names].map((name) => name.replace(/[^.]*$/, "*"));
  return (patterns ?? []).flatMap((pattern, index) => {
    if (matching(pattern, names).length > 0) return [];
    const { path, message } = issueOf(pattern);
    const candidates = pattern.includes("*") ? kinds : names;
    return [{ path: [...path, index], message: `${message}${didYouMean(pattern, candidates)}` }];
  });
}
