import type { Mask } from "@gatehouse/core";
import { columnPattern, jsonPath } from "@gatehouse/documents";
import { z } from "zod";
import { listOf } from "./fields.ts";
import { THEN } from "./hold-keys.ts";

/** What the values are of which a part may stay. */
export const PARTIAL_FORMS = ["email", "card", "phone", "text"] as const;

const HIDES = ["columns", "tags", "fields", "detect"] as const;

/** Those that say something of what is stored at a target. */
const OF_ANSWERS = ["columns", "tags", "predicates"] as const;

const named = z
  .string()
  .regex(/^[a-z0-9_*]+(\.[a-z0-9_*]+)*$/, "expected words of a-z, 0-9 and _ with dots between them, or *");

const transform = z.union([
  z.enum(["redact", "null", "hash", "partial"]),
  z
    .strictObject({
      partial: z.enum(PARTIAL_FORMS).optional(),
      constant: z.string().max(1000, "expected at most 1000 characters").optional(),
    })
    .refine(
      ({ partial, constant }) => (partial === undefined) !== (constant === undefined),
      "expected one of { partial: FORM } and { constant: TEXT }",
    )
    .meta({ minProperties: 1, maxProperties: 1 }),
]);

const requests = z
  .union([z.literal(true), z.strictObject({ restore: z.boolean() })])
  .transform((written) => (written === true ? { restore: false } : written));

/** How a mask rule says that it hides; `partial` alone leaves the form to the names of what is hidden. */
export type WrittenTransform = z.output<typeof transform>;

/** The keys that a rule has only with `mask`. */
export const maskKeys = {
  columns: listOf(columnPattern(), "column").optional(),
  tags: listOf(named, "tag").optional(),
  fields: listOf(jsonPath(), "path").optional(),
  detect: listOf(named, "detector").optional(),
  with: transform.optional(),
  predicates: z.enum(["refuse", "allow"] satisfies Mask["predicates"][]).optional(),
  requests: requests.optional(),
};

/** What hides something: a mask, and a hold that nobody's answer lets through masked. */
type MaskKeys = {
  readonly mask?: string | undefined;
  hold?: string | undefined;
  then?: string | undefined;
} & {
  readonly [key in keyof typeof maskKeys]?: unknown;
};

/** What the types of the keys can't say: which of them belong together. */
export function maskIssues(rule: MaskKeys): { path: string[]; message: string }[] {
  const held = rule.hold !== undefined && rule.then === "allow-with-mask";
  if (rule.mask === undefined && !held) {
    const where = rule.hold === undefined ? "with mask" : "with `then: allow-with-mask` in a hold";
    const strays = [...HIDES, "with", "predicates", "requests"] as const;
    return strays
      .filter((key) => rule[key] !== undefined)
      .map((key) => ({ path: [key], message: `\`${key}\` may stand only ${where}` }));
  }
  const issues = requestIssues(rule);
  if (HIDES.every((key) => rule[key] === undefined)) {
    const whose = held ? "`then: allow-with-mask`" : "a mask";
    const message = `${whose} says what it hides: at least one of columns, tags, fields and detect`;
    issues.push({ path: held ? ["then"] : [], message });
  }
  if (rule.with === undefined) {
    const message = `"with" is missing: redact, "null", hash, partial, { partial: FORM } or { constant: TEXT }`;
    issues.push({ path: ["with"], message });
  }
  return issues;
}

function requestIssues(rule: MaskKeys): { path: string[]; message: string }[] {
  const { requests } = rule;
  if (requests === undefined) return [];
  const issues: { path: string[]; message: string }[] = OF_ANSWERS.filter(
    (key) => rule[key] !== undefined,
  ).map((key) => ({
    path: [key],
    message: `\`${key}\` is about what a target answers, and may not stand beside \`requests\``,
  }));
  if (restores(requests) && rule.with !== undefined && rule.with !== "redact") {
    const message =
      "`restore` may stand only with redact: a placeholder stands for each value, and what else would be left of it could not be put back";
    issues.push({ path: ["requests"], message });
  }
  return issues;
}

function restores(requests: unknown): boolean {
  return (
    typeof requests === "object" && requests !== null && "restore" in requests && requests.restore === true
  );
}

/** A mask, or the like: how it hides, and something that it hides. */
const hiding = { required: ["with"], anyOf: HIDES.map((key) => ({ required: [key] })) };
const then = (word: string) => ({ properties: { [THEN]: { const: word } } });
const allowWithMask = { required: ["hold", THEN], ...then("allow-with-mask") };

const restoring = { type: "object", required: ["restore"], properties: { restore: { const: true } } };
const mayStand = { anyOf: [{ required: ["mask"] }, allowWithMask] };

/** The same as JSON Schema. */
export const maskKeysJsonSchema = {
  mask: hiding,
  [THEN]: { required: ["hold"], anyOf: [then("refuse"), hiding] },
  ...Object.fromEntries(Object.keys(maskKeys).map((key) => [key, mayStand])),
  requests: {
    ...mayStand,
    not: { anyOf: OF_ANSWERS.map((key) => ({ required: [key] })) },
    if: { properties: { requests: restoring } },
    [THEN]: { properties: { with: { const: "redact" } } },
  },
};
