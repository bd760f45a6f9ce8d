import type {
  Access,
  AccessTerms,
  Decision,
  DecisionRequest,
  Hold,
  Identity,
  Mask,
  PolicyEngine,
  PolicyReach,
  RuleReference,
} from "@gatehouse/core";
import { type PolicyAccess, termsOf } from "./access.ts";
import { combine, permits, refused, type RuleErrorListener } from "./combine.ts";
import { failureOf, holds } from "./condition.ts";
import type { WhenEnvironment } from "./environment.ts";
import { type FunctionLists, ListedFunctions } from "./listed-functions.ts";
import { Evaluation } from "./evaluation.ts";
import { holdOf } from "./hold-rule.ts";
import { type MaskedTarget, masksOf } from "./mask-rule.ts";
import { Memory } from "./memory.ts";
import type { Effect } from "./policy-file.ts";
import { type ConditionPart, reasonsOf } from "./reasons.ts";
import { type Policy, type PolicyTarget, type Rule, reasonAgainst, speaksOf } from "./policy.ts";
import { Reach } from "./reach.ts";
import { RuleSets } from "./rule-sets.ts";
import type { SelectedRule, Selection } from "./selection.ts";
import { includes } from "./who.ts";

export type RuleOutcome =
  | {
      readonly result: "matched";
      /** A hold rule that does not name access "unknown", at a command that has it: another rule has to. */
      readonly permits?: false;
    }
  | { readonly result: "unmatched" }
  /** A condition that failed: a block or hold rule blocks, a mask rule masks, an allow rule does not match. */
  | { readonly result: "failed"; readonly message: string }
  /** An allow rule that does not name access "unknown", at a command that has it. */
  | { readonly result: "unknown_access" }
  | { readonly result: "not_applicable"; readonly because: "who" | "target" | "level" | "protocol" };

export interface RuleExplanation {
  readonly reference: RuleReference;
  readonly effect: Effect;
  /** The condition as written; null is always. */
  readonly when: string | null;
  readonly outcome: RuleOutcome;
  /** What the condition's result rests on; empty where it was not asked. */
  readonly reasons: readonly ConditionPart[];
}

export interface Explanation {
  readonly decision: Decision;
  /** What the command does in the rules' eyes: its own access, or that without the functions that are held to read. */
  readonly access: Access;
  /** Every rule of every policy, in the order of files and rules. */
  readonly rules: readonly RuleExplanation[];
}

/** The policies of a config, loaded. */
export interface LoadedPolicies extends PolicyEngine {
  /** The decision, and what each rule said to it. Tells no error listener. */
  explain(request: DecisionRequest): Explanation;
  /** Every rule of every policy, in the order of files and rules. */
  readonly rules: readonly { readonly reference: RuleReference; readonly effect: Effect }[];
  /** All that is masked at a target, whoever asks, at whichever level. */
  masksAt(target: string): readonly Mask[];
}

interface EngineParts {
  readonly version: string;
  readonly policies: readonly Policy[];
  readonly targets: ReadonlyMap<string, PolicyTarget>;
  readonly environments: ReadonlyMap<string, WhenEnvironment>;
  readonly onError: RuleErrorListener;
}

interface EngineTarget {
  readonly protocol: string;
  readonly levels: ReadonlySet<string>;
  readonly maskSets: RuleSets<Mask>;
  readonly holdSets: RuleSets<Hold>;
}

export class Engine implements LoadedPolicies {
  readonly version: string;
  readonly #policies: readonly Policy[];
  readonly #environments: ReadonlyMap<string, WhenEnvironment>;
  readonly #onError: RuleErrorListener;
  readonly #targets: ReadonlyMap<string, EngineTarget>;
  /** By identity, then target, then level: bounded by the config, and gone with the identity. */
  readonly #selections = new WeakMap<Identity, Map<string, Map<string, Selection>>>();
  /** By target, level and policies: identities have them in common. */
  readonly #reaches = new Map<string, Reach>();

  constructor({ version, policies, targets, environments, onError }: EngineParts) {
    this.version = version;
    this.#policies = policies;
    this.#environments = environments;
    this.#onError = onError;
    this.#targets = new Map(
      [...targets].map(([name, { protocol, levels, tags }]) => [
        name,
        { protocol, levels: new Set(levels), ...ruleSetsAt({ protocol, tags }) },
      ]),
    );
  }

  get rules(): readonly Rule[] {
    return this.#policies.flatMap(({ rules }) => rules);
  }

  masksAt(target: string): readonly Mask[] {
    const configured = this.#targets.get(target);
    if (configured === undefined) return [];
    return this.#policies
      .filter(({ targets }) => targets === undefined || targets.has(target))
      .flatMap(({ rules }) => rules)
      .filter(({ conditions }) => conditions.has(configured.protocol))
      .flatMap((rule) => configured.maskSets.of(rule));
  }

  decide(request: DecisionRequest): Decision {
    return this.#decide(request, this.#onError);
  }

  admits({ identity, target, level }: Parameters<PolicyEngine["admits"]>[0]): boolean {
    const selection = this.#select(identity, target.name, level.name);
    return selection !== undefined && selection.allows.length + selection.holds.length > 0;
  }

  holds({ identity, target, level }: Parameters<PolicyEngine["holds"]>[0]): boolean {
    return (this.#select(identity, target.name, level.name)?.holds.length ?? 0) > 0;
  }

  access({ identity, target, level }: Parameters<PolicyEngine["access"]>[0]): AccessTerms | undefined {
    return this.#select(identity, target.name, level.name)?.access;
  }

  reach({ target, level, identity }: Parameters<PolicyEngine["reach"]>[0]): PolicyReach {
    const environment = this.#environments.get(this.#targets.get(target.name)?.protocol ?? "");
    if (!environment || this.#targets.get(target.name)?.levels.has(level.name) !== true) return NOTHING;
    const speaking = this.#policies.filter(
      (policy) => speaksOf(policy, target.name, level.name) && (!identity || includes(policy.who, identity)),
    );
    const policies = identity ? speaking.map(({ file }) => file) : "whoever";
    const key = JSON.stringify([target.name, level.name, policies]);
    const known = this.#reaches.get(key);
    if (known !== undefined) return known;
    const place = { environment, target: target.name, level: level.name };
    const reach = new Reach(speaking, place, identity !== undefined);
    this.#reaches.set(key, reach);
    return reach;
  }

  masks({ identity, target, level }: Parameters<PolicyEngine["masks"]>[0]): readonly Mask[] {
    return this.#select(identity, target.name, level.name)?.everyMask ?? [];
  }

  explain(request: DecisionRequest): Explanation {
    const { identity, target, level, command } = request;
    const selection = this.#select(identity, target.name, level.name);
    const access = selection?.functions.accessOf(command) ?? command.access;
    const context = selection?.environment.context(request, selection.place, access);
    const outcome = (policy: Policy, rule: Rule): RuleOutcome => {
      const because = this.#reasonAgainst(policy, identity, target.name, level.name);
      if (because !== undefined) return { result: "not_applicable", because };
      if (selection === undefined || context === undefined)
        return { result: "not_applicable", because: "target" };
      const { protocol } = selection.environment;
      if (command.protocol !== protocol || !rule.conditions.has(protocol)) {
        return { result: "not_applicable", because: "protocol" };
      }
      const condition = rule.conditions.get(protocol);
      // All that it hides is tagged, and nothing of this target is.
      if (rule.effect === "mask" && selection.maskSets.of(rule).length === 0) {
        return { result: "not_applicable", because: "target" };
      }
      const permitting = permits({ condition }, access);
      if (rule.effect === "allow" && !permitting) return { result: "unknown_access" };
      try {
        if (!holds(condition, context)) return { result: "unmatched" };
        return { result: "matched", ...(rule.effect === "hold" && !permitting ? { permits: false } : {}) };
      } catch (error) {
        return { result: "failed", message: failureOf(error) };
      }
    };
    const reasons = (rule: Rule, { result }: RuleOutcome): readonly ConditionPart[] => {
      if (!selection || !context || result === "not_applicable" || result === "unknown_access") return [];
      const condition = rule.conditions.get(selection.environment.protocol);
      return condition ? reasonsOf(condition.program.ast, selection.environment, context) : [];
    };
    const explained = (policy: Policy, rule: Rule): RuleExplanation => {
      const said = outcome(policy, rule);
      const { reference, effect, when = null } = rule;
      return { reference, effect, when, outcome: said, reasons: reasons(rule, said) };
    };
    return {
      decision: this.#decide(request, () => undefined),
      access,
      rules: this.#policies.flatMap((policy) => policy.rules.map((rule) => explained(policy, rule))),
    };
  }

  #decide(request: DecisionRequest, onError: RuleErrorListener): Decision {
    const { identity, target, level, command } = request;
    const selection = this.#select(identity, target.name, level.name);
    if (selection === undefined || command.protocol !== selection.environment.protocol) {
      return refused(request, command.access, this.version);
    }
    const memory = command.shape && selection.memory.of(command.shape);
    if (memory?.decision !== undefined) return memory.decision;
    const evaluation = new Evaluation(selection, request, memory?.results);
    const decision = combine({ request, selection, evaluation, policyVersion: this.version, onError });
    if (memory !== undefined && evaluation.settled) {
      memory.decision = decision;
      memory.results = [];
    }
    return decision;
  }

  /** Undefined for a target or level that is not configured: no rule speaks of those, not even one for every target. */
  #select(identity: Identity, target: string, level: string): Selection | undefined {
    const known = this.#selections.get(identity)?.get(target)?.get(level);
    if (known !== undefined) return known;
    const configured = this.#targets.get(target);
    const environment = configured && this.#environments.get(configured.protocol);
    if (!environment || !configured.levels.has(level)) return undefined;
    const selected: SelectedRule[] = [];
    const functions: FunctionLists[] = [];
    const accesses: PolicyAccess[] = [];
    for (const policy of this.#policies) {
      if (reasonAgainst(policy, identity, target, level) !== undefined) continue;
      functions.push(policy.functions);
      if (policy.access) accesses.push(policy.access);
      for (const rule of policy.rules) {
        const condition = rule.conditions.get(environment.protocol);
        if (condition !== undefined || rule.conditions.has(environment.protocol)) {
          selected.push({ rule, number: selected.length, condition });
        }
      }
    }
    const { maskSets, holdSets } = configured;
    const of = (effect: Effect) => selected.filter(({ rule }) => rule.effect === effect);
    const selection: Selection = {
      environment,
      place: environment.place(identity, target, level),
      blocks: of("block"),
      holds: of("hold"),
      allows: of("allow"),
      masks: of("mask").filter(({ rule }) => maskSets.of(rule).length > 0),
      everyMask: selected.flatMap(({ rule }) => maskSets.of(rule)),
      maskSets,
      holdSets,
      access: termsOf(accesses),
      functions: new ListedFunctions(functions),
      memory: new Memory(),
    };
    const byTarget = this.#selections.get(identity) ?? new Map<string, Map<string, Selection>>();
    const byLevel = byTarget.get(target) ?? new Map<string, Selection>();
    this.#selections.set(identity, byTarget.set(target, byLevel.set(level, selection)));
    return selection;
  }

  #reasonAgainst(policy: Policy, identity: Identity, target: string, level: string) {
    const configured = this.#targets.get(target);
    if (configured === undefined) return "target";
    return (
      reasonAgainst(policy, identity, target, level) ?? (configured.levels.has(level) ? undefined : "level")
    );
  }
}

/** Of a target or level that is not configured, of which no rule speaks. */
const NOTHING: PolicyReach = { policies: "", couldAllow: () => false };

function ruleSetsAt(target: MaskedTarget): Pick<EngineTarget, "maskSets" | "holdSets"> {
  const maskSets = new RuleSets(({ reference, mask }) => (mask ? masksOf(reference, mask, target) : []));
  const holdSets = new RuleSets((rule) =>
    rule.hold ? [holdOf(rule.reference, rule.hold, maskSets.of(rule))] : [],
  );
  return { maskSets, holdSets };
}
