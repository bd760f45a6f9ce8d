import type { Mask, RuleReference, Transform } from "@gatehouse/core";
import { partsOf, wildcard } from "@gatehouse/documents";
import { PARTIAL_FORMS, type WrittenTransform } from "./mask-keys.ts";

/** The columns of a target by tag. */
export type Tags = ReadonlyMap<string, readonly string[]>;

/** What a mask rule hides and how, as it is written; its detectors are looked up. */
export interface MaskRule {
  readonly columns: readonly string[];
  /** Patterns of tags. */
  readonly tags: readonly string[];
  readonly detect: readonly string[];
  readonly with: WrittenTransform;
  readonly predicates: Mask["predicates"];
}

/** Something that a rule hides. Its last word can say what it holds: `pii.email`, `public.customers.phone`. */
type Hidden = { readonly word: string; readonly named: string } & (
  | { readonly columns: readonly string[] }
  | { readonly detector: string }
);

/**
 * The masks of a rule at one target: one, or one for each form where `partial` stands alone. None where the rule names
 * nothing but tags that the target does not have.
 */
export function masksOf(reference: RuleReference, rule: MaskRule, tags: Tags): readonly Mask[] {
  const byTransform = new Map<string, { transform: Transform; columns: string[]; detect: string[] }>();
  for (const hidden of hiddenBy(rule, tags)) {
    // What has no form is an error at load (`formless`): hidden whole, should one get here.
    const transform = transformOf(rule.with, hidden.word) ?? { kind: "redact" };
    const key = "of" in transform ? transform.of : transform.kind;
    const mask = byTransform.get(key) ?? { transform, columns: [], detect: [] };
    byTransform.set(key, mask);
    if ("detector" in hidden) mask.detect.push(hidden.detector);
    else mask.columns.push(...hidden.columns);
  }
  return [...byTransform.values()].map(({ transform, columns, detect }) => ({
    rule: reference,
    columns: [...new Set(columns)],
    detect,
    with: transform,
    predicates: rule.predicates,
  }));
}

/** The first name among what a rule hides at a target that does not tell which part of its values may stay. */
export function formless(rule: MaskRule, tags: Tags): string | undefined {
  return hiddenBy(rule, tags).find(({ word }) => transformOf(rule.with, word) === undefined)?.named;
}

/** The names that a pattern stands for. */
export function matching(pattern: string, names: Iterable<string>): string[] {
  return [...names].filter(wildcard(pattern));
}

function hiddenBy({ columns, tags: patterns, detect }: MaskRule, tags: Tags): Hidden[] {
  const tagged = new Set(patterns.flatMap((pattern) => matching(pattern, tags.keys())));
  return [
    ...columns.map((column) => ({ word: partsOf(column)?.at(-1) ?? "", named: column, columns: [column] })),
    ...[...tagged].map((tag) => ({ word: lastWord(tag), named: tag, columns: tags.get(tag) ?? [] })),
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

function lastWord(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}
