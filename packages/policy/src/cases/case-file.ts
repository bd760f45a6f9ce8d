import type { Identity, SettingsIssue } from "@gatehouse/core";
import {
  checkValue,
  didYouMean,
  jsonSchemaOf,
  type Problem,
  parseYaml,
  type YamlDocument,
} from "@gatehouse/documents";
import { z } from "zod";
import type { LoadedPolicies } from "../engine.ts";
import { line, listOf, text } from "../fields.ts";
import type { PolicyText } from "../load.ts";
import type { PolicyTarget } from "../policy.ts";

/** What a case says of a command's end. What is undefined is left open. */
export interface Expectation {
  readonly effect: "allow" | "block";
  /** The title of the rule; null where no rule allows it. */
  readonly rule: string | null | undefined;
  /** The title of the rule's policy. */
  readonly policy: string | undefined;
  /** By the title of each mask rule that hides something, and of no other, what that is. */
  readonly masks: ReadonlyMap<string, readonly string[] | undefined> | undefined;
}

/** One case of a file that tests policies. */
export interface PolicyCase {
  readonly title: string;
  /** `file:line` */
  readonly source: string;
  readonly identity: Identity;
  readonly target: string;
  readonly level: string;
  readonly statement: string;
  readonly client: string;
  /** Milliseconds since the epoch; undefined is whenever the case is run. */
  readonly at: number | undefined;
  readonly expected: Expectation;
}

export type CasesResult =
  | { readonly ok: true; readonly cases: readonly PolicyCase[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const effect = z.enum(["allow", "block"]);

const who = z.strictObject({
  subject: text.prefault("somebody"),
  groups: z.array(text).prefault([]),
  kind: z.enum(["human", "workload"]).prefault("workload"),
});

const expectation = z
  .strictObject({
    effect,
    rule: z.union([line("a rule's title", 100), z.null()]).optional(),
    policy: line("a policy's title", 100).optional(),
    masks: z
      .union([z.array(text), z.record(text, listOf(text, "column or detector that is hidden"))])
      .optional(),
  })
  .refine(({ effect, masks }) => effect === "allow" || masks === undefined, {
    path: ["masks"],
    message: "masks may stand only with `effect: allow`",
  });

const caseFile = z.strictObject({
  cases: listOf(
    z.strictObject({
      case: line("a title", 200),
      who,
      target: text,
      level: text,
      statement: text,
      client: text.prefault("127.0.0.1"),
      at: z.iso.datetime({ error: "expected a time in UTC, such as 2026-01-02T10:00:00Z" }).optional(),
      expect: z.union([effect, expectation]),
    }),
    "case",
  ),
});

type Written = z.output<typeof caseFile>["cases"][number];

/** The schema of a file of cases as JSON Schema, for editors. */
export function caseFileJsonSchema(): Readonly<Record<string, unknown>> {
  return jsonSchemaOf(caseFile);
}

/**
 * Reads a file of cases. A name that no target, level or rule has is a problem: a case that names it could never hold.
 * @param targets that are configured
 */
export function readCases(
  { path, text }: PolicyText,
  { rules }: Pick<LoadedPolicies, "rules">,
  targets: ReadonlyMap<string, Pick<PolicyTarget, "levels">>,
): CasesResult {
  const parsed = parseYaml(text, path);
  if (!parsed.ok) return parsed;
  const { document } = parsed;
  const checked = checkValue(caseFile, document.value);
  if (!checked.ok) return { ok: false, problems: document.problems(checked.issues) };
  const { cases } = checked.value;
  const known: Known = {
    targets,
    rules: new Set(rules.map(({ reference }) => reference.rule)),
    masks: new Set(rules.flatMap(({ effect, reference }) => (effect === "mask" ? [reference.rule] : []))),
    policies: new Set(rules.map(({ reference }) => reference.policy)),
  };
  const issues = cases.flatMap((written, index) => strangers(written, ["cases", index], known));
  if (issues.length > 0) return { ok: false, problems: document.problems(issues) };
  return { ok: true, cases: cases.map((written, index) => caseOf(written, index, document)) };
}

interface Known {
  readonly targets: ReadonlyMap<string, Pick<PolicyTarget, "levels">>;
  readonly rules: ReadonlySet<string>;
  readonly masks: ReadonlySet<string>;
  readonly policies: ReadonlySet<string>;
}

function strangers(
  written: Written,
  path: readonly (string | number)[],
  { targets, rules, masks, policies }: Known,
): SettingsIssue[] {
  const { rule, policy, masks: named } = expectationOf(written.expect);
  const levels = targets.get(written.target)?.levels;
  const masked = [...(named?.keys() ?? [])];
  const names: readonly Name[] = [
    [["target"], written.target, "a configured target", targets.keys()],
    [["level"], written.level, "a level of this target", levels],
    [["expect", "rule"], rule, "the title of a rule", rules],
    [["expect", "policy"], policy, "the title of a policy", policies],
    ...masked.map((mask): Name => [["expect", "masks"], mask, "the title of a mask rule", masks]),
  ];
  return names.flatMap(([place, name, what, known]) => {
    if (typeof name !== "string" || known === undefined) return [];
    const list = [...known];
    if (list.includes(name)) return [];
    return [{ path: [...path, ...place], message: `"${name}" is not ${what}${didYouMean(name, list)}` }];
  });
}

/** Where it stands, what it is, what it should be, and those that there are. */
type Name = readonly [readonly string[], string | null | undefined, string, Iterable<string> | undefined];

function caseOf(written: Written, index: number, document: YamlDocument): PolicyCase {
  const { who, target, level, statement, client, at } = written;
  return {
    title: written.case,
    source: `${document.file}:${document.lineOf(["cases", index])}`,
    identity: {
      ...who,
      proof: { method: "oidc", provider: "test", issuer: "test" },
      expiresAt: Number.MAX_SAFE_INTEGER,
    },
    target,
    level,
    statement,
    client,
    at: at === undefined ? undefined : Date.parse(at),
    expected: expectationOf(written.expect),
  };
}

function expectationOf(expected: Written["expect"]): Expectation {
  if (typeof expected === "string") {
    return { effect: expected, rule: undefined, policy: undefined, masks: undefined };
  }
  const { effect, rule, policy, masks } = expected;
  const hidden = Array.isArray(masks) ? masks.map((mask) => [mask, undefined] as const) : undefined;
  return {
    effect,
    rule,
    policy,
    masks: masks === undefined ? undefined : new Map(hidden ?? Object.entries(masks)),
  };
}
