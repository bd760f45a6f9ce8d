import type {
  Access,
  Command,
  Decision,
  DecisionRequest,
  Identity,
  Mask,
  PolicyEngine,
  RuleReference,
} from "@gatehouse/core";
import { failureOf, holds } from "./condition.ts";
import type { WhenEnvironment } from "./environment.ts";
import { type FunctionLists, ListedFunctions } from "./listed-functions.ts";
import { Evaluation } from "./evaluation.ts";
import { MaskSets } from "./mask-sets.ts";
import { Memory } from "./memory.ts";
import type { Effect } from "./policy-file.ts";
import { type ConditionPart, reasonsOf } from "./reasons.ts";
import { type Policy, type PolicyTarget, type Rule, reasonAgainst } from "./policy.ts";
import type { SelectedRule, Selection } from "./selection.ts";

/** Told of a rule whose condition failed at a command. The message quotes the rule, never the command. */
export type RuleErrorListener = (rule: RuleReference, message: string) => void;

export type RuleOutcome =
  | { readonly result: "matched" }
  | { readonly result: "unmatched" }
  /** A condition that failed: a block rule blocks, a mask rule masks, an allow rule does not match. */
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
  readonly maskSets: MaskSets;
}

export class Engine implements LoadedPolicies {
  readonly version: string;
  readonly #policies: readonly Policy[];
  readonly #environments: ReadonlyMap<string, WhenEnvironment>;
  readonly #onError: RuleErrorListener;
  readonly #targets: ReadonlyMap<string, EngineTarget>;
  /** By identity, then target, then level: bounded by the config, and gone with the identity. */
  readonly #selections = new WeakMap<Identity, Map<string, Map<string, Selection>>>();

  constructor({ version, policies, targets, environments, onError }: EngineParts) {
    this.version = version;
    this.#policies = policies;
    this.#environments = environments;
    this.#onError = onError;
    this.#targets = new Map(
      [...targets].map(([name, { protocol, levels, tags }]) => [
        name,
        { protocol, levels: new Set(levels), maskSets: new MaskSets(tags) },
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
    return (this.#select(identity, target.name, level.name)?.allows.length ?? 0) > 0;
  }

  holds(): boolean {
    return false;
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
      if (rule.effect === "allow" && access === "unknown" && condition?.namesUnknown !== true) {
        return { result: "unknown_access" };
      }
      try {
        return { result: holds(condition, context) ? "matched" : "unmatched" };
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
      return this.#refuse(request, command.access);
    }
    const memory = command.shape && selection.memory.of(command.shape);
    if (memory?.decision !== undefined) return memory.decision;
    const evaluation = new Evaluation(selection, request, memory?.results);
    const decision = this.#evaluate(request, selection, evaluation, onError);
    if (memory !== undefined && evaluation.settled) {
      memory.decision = decision;
      memory.results = [];
    }
    return decision;
  }

  #evaluate(
    request: DecisionRequest,
    selection: Selection,
    evaluation: Evaluation,
    onError: RuleErrorListener,
  ): Decision {
    for (const selected of selection.blocks) {
      const { rule } = selected;
      try {
        if (evaluation.holds(selected)) return this.#block(rule, rule.message ?? blockedBy(rule.reference));
      } catch (error) {
        // Whether this rule would have blocked is not known, so it does.
        onError(rule.reference, failureOf(error));
        return this.#block(rule, failedAt(rule.reference));
      }
    }
    for (const selected of selection.allows) {
      const { rule, condition } = selected;
      if (evaluation.access === "unknown" && condition?.namesUnknown !== true) continue;
      let matches: boolean;
      try {
        matches = evaluation.holds(selected);
      } catch (error) {
        onError(rule.reference, failureOf(error));
        continue;
      }
      if (matches) return this.#allow(rule, selection, evaluation, onError);
    }
    return this.#refuse(request, evaluation.access);
  }

  #allow(
    { reference: rule }: Rule,
    { masks, maskSets }: Selection,
    evaluation: Evaluation,
    onError: RuleErrorListener,
  ): Decision {
    const { access, listed } = evaluation;
    const held = listed ? { access } : {};
    const decision = { effect: "allow", rule, policyVersion: this.version, ...held } as const;
    if (masks.length === 0) return decision;
    const holding = masks.filter((selected) => {
      try {
        return evaluation.holds(selected);
      } catch (error) {
        // Whether this rule would have masked is not known, so it does.
        onError(selected.rule.reference, failureOf(error));
        return true;
      }
    });
    if (holding.length === 0) return decision;
    return { ...decision, masks: maskSets.together(holding.map(({ rule }) => rule)) };
  }

  #block(rule: Rule, message: string): Decision {
    return { effect: "block", rule: rule.reference, message, policyVersion: this.version };
  }

  #refuse({ identity, target, command }: DecisionRequest, access: Access): Decision {
    const why = access === "unknown" ? ` ${unknownBecause(command)}` : "";
    const message = `No rule allows this for ${identity.subject} on ${target.name}.${why}`;
    return { effect: "block", rule: null, message, policyVersion: this.version };
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
    for (const policy of this.#policies) {
      if (reasonAgainst(policy, identity, target, level) !== undefined) continue;
      functions.push(policy.functions);
      for (const rule of policy.rules) {
        const condition = rule.conditions.get(environment.protocol);
        if (condition !== undefined || rule.conditions.has(environment.protocol)) {
          selected.push({ rule, number: selected.length, condition });
        }
      }
    }
    const masks = selected.filter(({ rule }) => configured.maskSets.of(rule).length > 0);
    const selection: Selection = {
      environment,
      place: environment.place(identity, target, level),
      blocks: selected.filter(({ rule }) => rule.effect === "block"),
      allows: selected.filter(({ rule }) => rule.effect === "allow"),
      masks,
      everyMask: masks.flatMap(({ rule }) => configured.maskSets.of(rule)),
      maskSets: configured.maskSets,
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

/** Names of functions that a message has at the most. */
const NAMED = 3;

function unknownBecause({ userFunctions }: Command): string {
  if (userFunctions === undefined) return "What it would do could not be told.";
  const { names } = userFunctions;
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
  return `It runs ${names.slice(0, NAMED).join(", ")}${more}, and what that does is not known until a policy lists it under functions.`;
}

function blockedBy({ rule, policy }: RuleReference): string {
  return `Blocked by the rule "${rule}" of the policy "${policy}".`;
}

function failedAt({ rule, policy }: RuleReference): string {
  return `The rule "${rule}" of the policy "${policy}" could not be evaluated for this, so it was blocked.`;
}
