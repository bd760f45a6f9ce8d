import type { SettingsIssue } from "@gatehouse/core";
import {
  checkValue,
  functionName,
  jsonSchemaOf,
  name,
  type Problem,
  type YamlDocument,
} from "@gatehouse/documents";
import { z } from "zod";
import { line, listOf, text } from "./fields.ts";
import { maskIssues, maskKeys, maskKeysJsonSchema } from "./mask-keys.ts";
import { casesAmongPolicies, isCases } from "./misnamed.ts";

/** What a rule can come to. */
export type Effect = "allow" | "block" | "mask";
const EFFECTS: readonly Effect[] = ["allow", "block", "mask"];

const who = z
  .strictObject({
    everyone: z.literal(true).optional(),
    groups: listOf(text, "group").optional(),
    subjects: listOf(text, "subject").optional(),
    kinds: listOf(z.enum(["human", "workload"]), "kind").optional(),
  })
  .superRefine((value, context) => {
    const named = [value.groups, value.subjects, value.kinds].filter((list) => list !== undefined).length;
    if (value.everyone === undefined && named === 0) {
      context.addIssue("expected at least one of groups, subjects, kinds, or `everyone: true`");
    }
    if (value.everyone !== undefined && named > 0) {
      context.addIssue(
        "`everyone: true` stands alone: groups, subjects or kinds beside it would not narrow it",
      );
    }
  })
  .meta({ minProperties: 1 });

const targets = listOf(text, "target").refine(
  (list) => list.length === 1 || !list.includes("*"),
  'expected names of targets, or "*" alone, which is every target',
);

const rule = z
  .strictObject({
    allow: line("a title", 100).optional(),
    block: line("a title", 100).optional(),
    mask: line("a title", 100).optional(),
    when: z.string().min(1, "expected a condition").max(4096, "expected at most 4096 characters").optional(),
    message: line("a message", 300).optional(),
    ...maskKeys,
  })
  .superRefine((value, context) => {
    if (EFFECTS.filter((effect) => value[effect] !== undefined).length !== 1) {
      context.addIssue("a rule has exactly one of allow, block and mask, with the rule's title as its value");
      return;
    }
    if (value.message !== undefined && value.block === undefined) {
      context.addIssue({ code: "custom", path: ["message"], message: "a message may stand only with block" });
    }
    for (const issue of maskIssues(value)) context.addIssue({ code: "custom", ...issue });
  })
  .meta({
    oneOf: EFFECTS.map((effect) => ({ required: [effect] })),
    dependentRequired: { message: ["block"] },
    dependentSchemas: maskKeysJsonSchema,
  });

const policyFile = z.strictObject({
  policy: line("a title", 100),
  who,
  targets,
  levels: listOf(name(), "level").optional(),
  functions: z
    .strictObject({
      reads: listOf(functionName(), "function").optional(),
      writes: listOf(functionName(), "function").optional(),
    })
    .refine(
      ({ reads, writes }) => reads !== undefined || writes !== undefined,
      "expected reads, writes or both",
    )
    .meta({ minProperties: 1 })
    .optional(),
  rules: listOf(rule, "rule"),
});

/** A policy file as it is written, after the schema has spoken. */
export type PolicyFile = z.output<typeof policyFile>;

/** What a rule of a file comes to, and its title. */
export function effectOf({ allow, block, mask }: PolicyFile["rules"][number]): {
  readonly effect: Effect;
  readonly title: string;
} {
  if (mask !== undefined) return { effect: "mask", title: mask };
  return block === undefined ? { effect: "allow", title: allow ?? "" } : { effect: "block", title: block };
}

/** The schema of a policy file as JSON Schema, for editors. */
export function policyFileJsonSchema(): Readonly<Record<string, unknown>> {
  return jsonSchemaOf(policyFile);
}

/** Words of the design that this version does not carry out. To ignore one would let through what it protects. */
const NOT_CARRIED_OUT: ReadonlyMap<string, string> = new Map([
  ["hold", "`hold` is not carried out by this version, so the file is not loaded; use block until it is"],
]);

/** Reads one document against the schema; the names in it are not looked up yet. */
export function readPolicyFile(
  document: YamlDocument,
):
  | { readonly ok: true; readonly value: PolicyFile }
  | { readonly ok: false; readonly problems: readonly Problem[] } {
  if (isCases(document.value)) return { ok: false, problems: [casesAmongPolicies(document)] };
  const unsupported = unsupportedRules(document.value);
  const checked = checkValue(policyFile, document.value);
  if (checked.ok) return checked;
  // What else such a rule says belongs to the word that is refused: one problem names it.
  const others = checked.issues.filter(({ path: [first, index] }) => {
    return first !== "rules" || !unsupported.some(({ path }) => path[1] === index);
  });
  return { ok: false, problems: document.problems([...others, ...unsupported]) };
}

function unsupportedRules(value: unknown): readonly SettingsIssue[] {
  const rules = isMap(value) ? value["rules"] : undefined;
  if (!Array.isArray(rules)) return [];
  return rules.flatMap((candidate: unknown, index): SettingsIssue[] => {
    if (!isMap(candidate)) return [];
    const key = Object.keys(candidate).find((word) => NOT_CARRIED_OUT.has(word));
    const message = key === undefined ? undefined : NOT_CARRIED_OUT.get(key);
    if (key === undefined || message === undefined) return [];
    return [{ path: ["rules", index, key], message, atKey: true }];
  });
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
