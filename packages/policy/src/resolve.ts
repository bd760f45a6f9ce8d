import type { RuleReference, SettingsIssue } from "@gatehouse/core";
import { didYouMean, type Problem, type YamlDocument } from "@gatehouse/documents";
import { resolveAccess } from "./access.ts";
import { type Condition, compileCondition, parseExpression } from "./condition.ts";
import type { WhenEnvironment } from "./environment.ts";
import { type ExpressionProblem, namings } from "./expression.ts";
import type { Policy, PolicyTarget, Rule } from "./policy.ts";
import { effectOf, type PolicyFile } from "./policy-file.ts";
import { resolveHold } from "./hold-rule.ts";
import { maskIssues, resolveMask } from "./resolve-mask.ts";
import { setOf, whoOf } from "./who.ts";

/** What the names in a policy file are looked up in. */
export interface Surroundings {
  readonly targets: ReadonlyMap<string, PolicyTarget>;
  /** By protocol: one for each that a target speaks. */
  readonly environments: ReadonlyMap<string, WhenEnvironment>;
  /** The prefixes of all protocols, also of those that no target speaks. */
  readonly prefixes: ReadonlySet<string>;
  /** The names of all detectors. */
  readonly detectors: readonly string[];
}

type Conditions = ReadonlyMap<string, Condition | undefined>;

/** Looks up targets and levels and compiles each rule; where there are problems, the policy is not to be used. */
export function resolvePolicy(
  file: PolicyFile,
  document: YamlDocument,
  surroundings: Surroundings,
): { readonly policy: Policy; readonly problems: readonly Problem[] } {
  const { targets } = surroundings;
  const everywhere = file.targets.includes("*");
  const named = everywhere ? [...targets.keys()] : file.targets.filter((name) => targets.has(name));
  const problems = document.problems([
    ...targetIssues(file, targets),
    ...levelIssues(file, named, targets),
    ...titleIssues(file),
    ...file.rules.flatMap((rule, index) => maskIssues(rule, ["rules", index], named, surroundings)),
  ]);
  const environments = new Map<string, WhenEnvironment>();
  for (const name of named) {
    const environment = surroundings.environments.get(targets.get(name)?.protocol ?? "");
    if (environment) environments.set(environment.protocol, environment);
  }
  const reference = (title: string, path: (string | number)[]): RuleReference => ({
    policy: file.policy,
    rule: title,
    source: `${document.file}:${document.lineOf(path)}`,
  });
  const rules = file.rules.map((written, index): Rule => {
    const { when, message } = written;
    const { effect, title } = effectOf(written);
    const compiled = compile(when, [...environments.values()], surroundings.prefixes);
    if (!compiled.ok) {
      const { offset, message } = compiled.problem;
      problems.push(document.problemWithin(["rules", index, "when"], offset, message));
    }
    return {
      reference: reference(title, ["rules", index]),
      effect,
      when,
      message,
      mask: resolveMask(written, surroundings.detectors),
      hold: resolveHold(written),
      conditions: compiled.ok ? compiled.conditions : new Map(),
    };
  });
  const policy: Policy = {
    title: file.policy,
    file: document.file,
    who: whoOf(file.who),
    targets: everywhere ? undefined : new Set(file.targets),
    levels: setOf(file.levels),
    access: file.access && resolveAccess(reference("access", ["access"]), file.access),
    functions: { reads: file.functions?.reads ?? [], writes: file.functions?.writes ?? [] },
    rules,
  };
  return { policy, problems };
}

function targetIssues(file: PolicyFile, targets: ReadonlyMap<string, PolicyTarget>): SettingsIssue[] {
  if (targets.size === 0) return [{ path: ["targets"], message: "no target is configured" }];
  return file.targets.flatMap((name, index) =>
    name === "*" || targets.has(name)
      ? []
      : [
          {
            path: ["targets", index],
            message: `"${name}" is not a configured target${didYouMean(name, targets.keys())}`,
          },
        ],
  );
}

function levelIssues(
  { levels = [] }: PolicyFile,
  named: readonly string[],
  targets: ReadonlyMap<string, PolicyTarget>,
): SettingsIssue[] {
  if (named.length === 0) return [];
  const known = new Set(named.flatMap((name) => [...(targets.get(name)?.levels ?? [])]));
  return levels.flatMap((level, index) =>
    known.has(level)
      ? []
      : [
          {
            path: ["levels", index],
            message: `"${level}" is not a level of any of these targets${didYouMean(level, known)}`,
          },
        ],
  );
}

function titleIssues({ rules }: PolicyFile): SettingsIssue[] {
  const seen = new Set<string>();
  return rules.flatMap((rule, index) => {
    const { effect, title } = effectOf(rule);
    if (!seen.has(title)) {
      seen.add(title);
      return [];
    }
    return [
      {
        path: ["rules", index, effect],
        message: `another rule of this policy has this title: a title names one rule`,
      },
    ];
  });
}

/** Compiles a `when` for each protocol that it fits: all of them, unless it names the facts of one. */
function compile(
  when: string | undefined,
  environments: readonly WhenEnvironment[],
  prefixes: ReadonlySet<string>,
):
  | { readonly ok: true; readonly conditions: Conditions }
  | { readonly ok: false; readonly problem: ExpressionProblem } {
  if (when === undefined) {
    return { ok: true, conditions: new Map(environments.map(({ protocol }) => [protocol, undefined])) };
  }
  const parsed = parseExpression(when);
  if (!parsed.ok) return parsed;
  const named = namings(parsed.ast, prefixes);
  const fitting = environments.filter(({ prefix }) => named.every(({ name }) => name === prefix));
  // Without an environment there is no known target, which is a problem of its own.
  if (fitting.length === 0 && environments.length > 0)
    return { ok: false, problem: misfit(named, environments) };
  const conditions = new Map<string, Condition>();
  for (const environment of fitting) {
    const compiled = compileCondition(when, environment);
    if (!compiled.ok) return compiled;
    conditions.set(environment.protocol, compiled.condition);
  }
  return { ok: true, conditions };
}

function misfit(
  named: readonly { name: string; offset: number }[],
  environments: readonly WhenEnvironment[],
): ExpressionProblem {
  const offered = new Set(environments.map(({ prefix }) => prefix));
  const stranger = named.find(({ name }) => !offered.has(name));
  if (stranger) {
    const message = `no target of this policy has "${stranger.name}"; its targets have ${[...offered].join(", ")}`;
    return { offset: stranger.offset, message };
  }
  const second = named.find(({ name }) => name !== named[0]?.name);
  const message =
    "the condition names facts of two protocols, and no command has both: write a rule for each";
  return { offset: second?.offset ?? 0, message };
}
