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
import { isPolicy, policyAmongCases } from "../misnamed.ts";
import { line, listOf, text } from "../fields.ts";
import type { PolicyText } from "../load.ts";
import type { Effect } from "../policy-file.ts";
import type { PolicyTarget } from "../policy.ts";

/** What a case says of a command's end. What is undefined is left open. */
export interface Expectation {
  readonly effect: "allow" | "block" | "hold";
  /** The title of the rule; null where no rule allows it. */
  readonly rule: string | null | undefined;
  /** The titles of all rules that hold it, in any order. */
  readonly rules: readonly string[] | undefined;
  /** The title of the rule's policy. */
  readonly policy: string | undefined;
  /** By the title of each mask rule that hides something, and of no other, what that is; or that the masks refuse it. */
  readonly masks: ReadonlyMap<string, readonly string[] | undefined> | "refused" | undefined;
  /** From which stored columns some columns of the answer come, and from no others. */
  readonly lineage: ReadonlyMap<string, readonly string[]> | undefined;
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
  | {
      readonly ok: true;
      readonly cases: readonly PolicyCase[];
      /** By target, the file that has its catalog: relative to the file of cases. */
      readonly catalogs: ReadonlyMap<string, string>;
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const effect = z.enum(["allow", "block", "hold"]);

const who = z.strictObject({
  subject: text.prefault("somebody"),
  groups: z.array(text).prefault([]),
  kind: z.enum(["human", "workload"]).prefault("workload"),
});

const expectation = z
  .strictObject({
    effect,
    rule: z.union([line("a rule's title", 100), z.null()]).optional(),
    rules: listOf(line("a rule's title", 100), "rule").optional(),
    policy: line("a policy's title", 100).optional(),
    masks: z
      .union([
        z.literal("refused"),
        z.array(text),
        z.record(text, listOf(text, "column or detector that is hidden")),
      ])
      .optional(),
    lineage: z.record(text, z.array(text)).optional(),
  })
  .refine(({ effect, masks }) => effect !== "block" || masks === undefined || masks === "refused", {
    path: ["masks"],
    message: "masks that hide something may stand only with `effect: allow` or `effect: hold`",
  })
  .refine(({ effect, masks }) => effect === "block" || masks !== "refused", {
    path: ["masks"],
    message: "`masks: refused` may stand only with `effect: block`",
  })
  .refine(({ effect, rules }) => effect === "hold" || rules === undefined, {
    path: ["rules"],
    message: "rules may stand only with `effect: hold`: one rule decides all else, and `rule` names it",
  });

const caseFile = z.strictObject({
  catalogs: z.record(text, text).optional(),
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
  targets: ReadonlyMap<string, Pick<PolicyTarget, "levels" | "protocol">>,
): CasesResult {
  const parsed = parseYaml(text, path);
  if (!parsed.ok) return parsed;
  const { document } = parsed;
  if (isPolicy(document.value)) return { ok: false, problems: [policyAmongCases(document)] };
  const checked = checkValue(caseFile, document.value);
  if (!checked.ok) return { ok: false, problems: document.problems(checked.issues) };
  const { cases, catalogs = {} } = checked.value;
  const known: Known = {
    targets,
    rules: new Set(rules.map(({ reference }) => reference.rule)),
    masks: titlesOf("mask", rules),
    holds: titlesOf("hold", rules),
    policies: new Set(rules.map(({ reference }) => reference.policy)),
  };
  const issues = [
    ...notAmong(
      Object.keys(catalogs).map((target) => [
        ["catalogs", target],
        target,
        "a configured target",
        targets.keys(),
      ]),
    ).map((issue) => ({ ...issue, atKey: true }) as const),
    ...cases.flatMap((written, index) => strangers(written, ["cases", index], known)),
    ...cases.flatMap((written, index) => withoutCatalog(written, ["cases", index], catalogs, targets)),
  ];
  if (issues.length > 0) return { ok: false, problems: document.problems(issues) };
  return {
    ok: true,
    cases: cases.map((written, index) => caseOf(written, index, document)),
    catalogs: new Map(Object.entries(catalogs)),
  };
}

interface Known {
  readonly targets: ReadonlyMap<string, Pick<PolicyTarget, "levels" | "protocol">>;
  readonly rules: ReadonlySet<string>;
  readonly masks: ReadonlySet<string>;
  readonly holds: ReadonlySet<string>;
  readonly policies: ReadonlySet<string>;
}

function titlesOf(wanted: Effect, rules: LoadedPolicies["rules"]): ReadonlySet<string> {
  return new Set(rules.flatMap(({ effect, reference }) => (effect === wanted ? [reference.rule] : [])));
}

type Path = SettingsIssue["path"];

function strangers(
  written: Written,
  path: Path,
  { targets, rules, masks, holds, policies }: Known,
): SettingsIssue[] {
  const { rule, rules: holding = [], policy, masks: named } = expectationOf(written.expect);
  const levels = targets.get(written.target)?.levels;
  const masked = named === "refused" ? [] : [...(named?.keys() ?? [])];
  return notAmong([
    [["target"], written.target, "a configured target", targets.keys()],
    [["level"], written.level, "a level of this target", levels],
    [["expect", "rule"], rule, "the title of a rule", rules],
    [["expect", "policy"], policy, "the title of a policy", policies],
    ...holding.map(
      (title, index): Name => [["expect", "rules", index], title, "the title of a hold rule", holds],
    ),
    ...masked.map((mask): Name => [["expect", "masks"], mask, "the title of a mask rule", masks]),
  ]).map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
}

/** Where it stands, what it is, what it should be, and those that there are. */
type Name = readonly [Path, string | null | undefined, string, Iterable<string> | undefined];

function notAmong(names: readonly Name[]): SettingsIssue[] {
  return names.flatMap(([place, name, what, known]) => {
    if (typeof name !== "string" || known === undefined) return [];
    const list = [...known];
    if (list.includes(name)) return [];
    return [{ path: place, message: `"${name}" is not ${what}${didYouMean(name, list)}` }];
  });
}

/** The protocol of targets that have one. What masks hide elsewhere, a command tells by itself. */
const WITH_CATALOG = "postgres";

/** What a case expects that only the target's catalog can tell, where it has none. */
function withoutCatalog(
  { target, expect }: Written,
  path: Path,
  catalogs: Readonly<Record<string, string>>,
  targets: Known["targets"],
): SettingsIssue[] {
  if (Object.hasOwn(catalogs, target)) return [];
  const { masks, lineage } = expectationOf(expect);
  const expects = masks === "refused" || (masks !== undefined && masks.size > 0);
  const hides = expects && targets.get(target)?.protocol === WITH_CATALOG;
  const message = takesCatalog(target);
  return [
    ...(hides ? [{ path: [...path, "expect", "masks"], message }] : []),
    ...(lineage ? [{ path: [...path, "expect", "lineage"], message }] : []),
  ];
}

/** What to do where a case rests on what a target holds. */
export function takesCatalog(target: string): string {
  const file = `${target}.catalog.json`;
  return `this takes the target's catalog: write it with \`gatehouse policy catalog ${target} > ${file}\`, and name it in the file of cases, as \`catalogs: { ${target}: ${file} }\``;
}

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
  const written: z.output<typeof expectation> =
    typeof expected === "string" ? { effect: expected } : expected;
  const { effect, rule, rules, policy, masks, lineage } = written;
  return {
    effect,
    rule,
    rules,
    policy,
    masks: masks === undefined || masks === "refused" ? masks : byTitle(masks),
    lineage: lineage && new Map(Object.entries(lineage)),
  };
}

function byTitle(
  masks: readonly string[] | Readonly<Record<string, readonly string[]>>,
): ReadonlyMap<string, readonly string[] | undefined> {
  if (isList(masks)) return new Map(masks.map((mask) => [mask, undefined]));
  return new Map(Object.entries(masks));
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
