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
import { accessKey, holdIssues, holdKeys, holdKeysJsonSchema } from "./hold-keys.ts";
import { maskIssues, maskKeys, maskKeysJsonSchema } from "./mask-keys.ts";
import { casesAmongPolicies, isCases } from "./misnamed.ts";
import { whoLists } from "./who.ts";

/** What a rule can come to. */
export type Effect = "allow" | "block" | "hold" | "mask";
const EFFECTS: readonly Effect[] = ["allow", "block", "hold", "mask"];

const who = z
  .strictObject({
    everyone: z.literal(true).optional(),
    ...whoLists,
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
    hold: line("a title", 100).optional(),
    mask: line("a title", 100).optional(),
    when: z.string().min(1, "expected a condition").max(4096, "expected at most 4096 characters").optional(),
    message: line("a message", 300).optional(),
    ...holdKeys,
    ...maskKeys,
  })
  .superRefine((value, context) => {
    if (EFFECTS.filter((effect) => value[effect] !== undefined).length !== 1) {
      context.addIssue(
        "a rule has exactly one of allow, block, hold and mask, with the rule's title as its value",
      );
      return;
    }
    if (value.message !== undefined && value.block === undefined && value.hold === undefined) {
      const message = "a message may stand only with block or hold";
      context.addIssue({ code: "custom", path: ["message"], message });
    }
    for (const issue of [...holdIssues(value), ...maskIssues(value)])
      context.addIssue({ code: "custom", ...issue });
  })
  .meta({
    oneOf: EFFECTS.map((effect) => ({ required: [effect] })),
    dependentSchemas: {
      message: { anyOf: [{ required: ["block"] }, { required: ["hold"] }] },
      ...holdKeysJsonSchema,
      ...maskKeysJsonSchema,
    },
  });

const policyFile = z.strictObject({
  policy: line("a title", 100),
  who,
  targets,
  levels: listOf(name(), "level").optional(),
  access: accessKey.describe("getting in at all needs somebody's yes, for a time").optional(),
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
export function effectOf(rule: PolicyFile["rules"][number]): {
  readonly effect: Effect;
  readonly title: string;
} {
  // The schema has seen to it that there is one.
  const effect = EFFECTS.find((candidate) => rule[candidate] !== undefined) ?? "block";
  return { effect, title: rule[effect] ?? "" };
}

/** The schema of a policy file as JSON Schema, for editors. */
export function policyFileJsonSchema(): Readonly<Record<string, unknown>> {
  return jsonSchemaOf(policyFile);
}

/** Reads one document against the schema; the names in it are not looked up yet. */
export function readPolicyFile(
  document: YamlDocument,
):
  | { readonly ok: true; readonly value: PolicyFile }
  | { readonly ok: false; readonly problems: readonly Problem[] } {
  if (isCases(document.value)) return { ok: false, problems: [casesAmongPolicies(document)] };
  const checked = checkValue(policyFile, document.value);
  return checked.ok ? checked : { ok: false, problems: document.problems(checked.issues) };
}
