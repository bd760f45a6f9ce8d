import type { Mask, RuleReference, Transform } from "@gatehouse/core";
import { parseJsonPath, partsOf, wildcard } from "@gatehouse/documents";
import { PARTIAL_FORMS, type WrittenTransform } from "./mask-keys.ts";

/** The columns of a target by tag. */
export type Tags = ReadonlyMap<string, readonly string[]>;

/** What a mask rule hides and how, as it is written; its detectors are looked up. */
export interface MaskRule {
  readonly columns: readonly string[];
  /** Patterns of tags. */
  readonly tags: readonly string[];
  /** Paths into JSON. */
  readonly fields: readonly string[];
  readonly detect: readonly string[];
  readonly with: WrittenTransform;
  readonly predicates: Mask["predicates"];
  readonly requests: Mask["requests"];
}

/** What of a target its masks go by. */
export interface MaskedTarget {
  readonly protocol: string;
  readonly tags: Tags;
}

/** The protocol of what has parts that a path can lead to, and texts of clients that can be masked before they are sent on. */
const WITH_FIELDS = "http";

/** Whether a target is one of those that have `fields`, and whose `requests` can be masked. */
export function hasFields({ protocol }: Pick<MaskedTarget, "protocol">): boolean {
  return protocol === WITH_FIELDS;
}

/** Something that a rule hides. Its last word can say what it holds: `pii.email`, `public.customers.phone`. */
type Hidden = { readonly word: string; readonly named: string } & (
  | { readonly columns: readonly string[] }
  | { readonly field: string }
  | { readonly detector: string }
);

/**
 * The masks of a rule at one target: one, or one for each form where `partial` stands alone. None where the rule names
 * nothing but what the target does not have: tags, or parts of JSON.
 */
export function masksOf(reference: RuleReference, rule: MaskRule, target: MaskedTarget): readonly Mask[] {
  const { requests, predicates } = rule;
  // Its detectors would look at answers elsewhere.
  if (requests !== undefined && !hasFields(target)) return [];
  type Parts = { transform: Transform; columns: string[]; fields: string[]; detect: string[] };
  const byTransform = new Map<string, Parts>();
  for (const hidden of hiddenBy(rule, target)) {
    if ("field" in hidden && !hasFields(target)) continue;
    // What has no form is an error at load (`formless`): hidden whole, should one get here.
    const transform = transformOf(rule.with, hidden.word) ?? { kind: "redact" };
    const key = "of" in transform ? transform.of : transform.kind;
    const mask = byTransform.get(key) ?? { transform, columns: [], fields: [], detect: [] };
    byTransform.set(key, mask);
    if ("detector" in hidden) mask.detect.push(hidden.detector);
    else if ("field" in hidden) mask.fields.push(hidden.field);
    else mask.columns.push(...hidden.columns);
  }
  return [...byTransform.values()].map(({ transform, columns, fields, detect }) => ({
    rule: reference,
    columns: [...new Set(columns)],
    ...(fields.length > 0 && { fields }),
    detect,
    with: transform,
    predicates,
    ...(requests && { requests }),
  }));
}

/** The first name among what a rule hides at a target that does not tell which part of its values may stay. */
export function formless(rule: MaskRule, target: Pick<MaskedTarget, "tags">): string | undefined {
  return hiddenBy(rule, target).find(({ word }) => transformOf(rule.with, word) === undefined)?.named;
}

/** The names that a pattern stands for. */
export function matching(pattern: string, names: Iterable<string>): string[] {
  return [...names].filter(wildcard(pattern));
}

function hiddenBy(
  { columns, tags: patterns, fields, detect }: MaskRule,
  { tags }: Pick<MaskedTarget, "tags">,
): Hidden[] {
  const tagged = new Set(patterns.flatMap((pattern) => matching(pattern, tags.keys())));
  return [
    ...columns.map((column) => ({ word: partsOf(column)?.at(-1) ?? "", named: column, columns: [column] })),
    ...[...tagged].map((tag) => ({ word: lastWord(tag), named: tag, columns: tags.get(tag) ?? [] })),
    ...[...new Set(fields)].map((field) => ({ word: lastName(field), named: field, field })),
    ...detect.map((detector) => ({ word: lastWord(detector), named: detector, detector })),
  ];
}

/** @returns undefined for `partial` alone, at a word that is no form */
function transformOf(written: WrittenTransform, word: string): Transform | undefined {
  if (written === "partial") {
    const of = PARTIAL_FORMS.find((form) => form === word);
    return of && { kind: "partial", of };
  }
  if (typeof written === "string") return { kind: written };
  const { partial, constant } = written;
  if (partial !== undefined) return { kind: "partial", of: partial };
  return { kind: "constant", value: constant ?? "" };
}

/** Of what a path leads to; empty where that has a place in a list, or any name. */
function lastName(path: string): string {
  const last = parseJsonPath(path)?.at(-1);
  return last !== undefined && "name" in last ? last.name : "";
}

function lastWord(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}
