import type { Access, PartialFacts, PolicyReach } from "@gatehouse/core";
import { celValue, hasNames } from "./cel-value.ts";
import { permits } from "./combine.ts";
import type { Condition } from "./condition.ts";
import type { WhenEnvironment } from "./environment.ts";
import { foresee, type Known } from "./foresee.ts";
import { ListedFunctions } from "./listed-functions.ts";
import type { Policy, Rule } from "./policy.ts";
import { ANY, among, having, isTrue, mayBeTrue, type Possible } from "./possible.ts";
import { covers } from "./who.ts";

/** Commands whose facts are looked at one by one, at the most: with more, what they can be is looked at together. */
const MOST_CASES = 256;

interface ReachRule {
  readonly policy: Policy;
  readonly rule: Rule;
  readonly condition: Condition | undefined;
}

/** What the rules of some policies could let through at one level of one target. */
export class Reach implements PolicyReach {
  readonly policies: string;
  readonly #together: boolean;
  readonly #environment: WhenEnvironment;
  readonly #place: ReadonlyMap<string, Possible>;
  readonly #permitting: readonly ReachRule[];
  readonly #blocks: readonly ReachRule[];
  readonly #functions: ListedFunctions;

  /**
   * @param speaking the policies that speak of that level
   * @param together all of them are for the same identity; otherwise each is for whomever it says
   */
  constructor(
    speaking: readonly Policy[],
    { environment, target, level }: { environment: WhenEnvironment; target: string; level: string },
    together: boolean,
  ) {
    this.policies = together ? JSON.stringify(speaking.map(({ file }) => file)) : "";
    this.#together = together;
    this.#environment = environment;
    this.#place = new Map([
      ["target.name", among([target])],
      ["target.protocol", among([environment.protocol])],
      ["session.level", among([level])],
    ]);
    const rules = speaking.flatMap((policy) =>
      policy.rules
        .filter(({ conditions }) => conditions.has(environment.protocol))
        .map((rule) => ({ policy, rule, condition: rule.conditions.get(environment.protocol) })),
    );
    this.#permitting = rules.filter(({ rule: { effect } }) => effect === "allow" || effect === "hold");
    this.#blocks = rules.filter(({ rule: { effect } }) => effect === "block");
    // The list of a policy is for those whom it is for; of whom it is not known, all lists count.
    this.#functions = new ListedFunctions(speaking.map(({ functions }) => functions));
  }

  couldAllow({ facts, userFunctions = [] }: Parameters<PolicyReach["couldAllow"]>[0]): boolean {
    const accesses = this.#functions
      .possible(userFunctions)
      .filter((access) => isAmong(access, facts["access"]));
    return accesses.some((access) => casesOf(facts).some((seen) => this.#lets(access, seen)));
  }

  #lets(access: Access, facts: PartialFacts): boolean {
    const known: Known = (variable, field) => {
      if (variable !== this.#environment.prefix) return this.#place.get(`${variable}.${field}`) ?? ANY;
      return field === "access" ? among([access]) : possibleOf(facts[field]);
    };
    const said = ({ condition }: ReachRule) =>
      condition ? foresee(condition.program.ast, known) : among([true]);
    const blocking = new Set<Policy>();
    for (const block of this.#blocks) if (isTrue(said(block))) blocking.add(block.policy);
    if (this.#together && blocking.size > 0) return false;
    return this.#permitting.some(
      (candidate) =>
        permits(candidate, access) &&
        mayBeTrue(said(candidate)) &&
        // A block counts where it is for whomever this rule is for. One that fails blocks, too.
        ![...blocking].some(({ who }) => covers(who, candidate.policy.who)),
    );
  }
}

/** Each value that a fact may have by itself, so that all rules are asked about the same one. */
function casesOf(facts: PartialFacts): readonly PartialFacts[] {
  let cases: PartialFacts[] = [facts];
  for (const [name, fact] of Object.entries(facts)) {
    if (name === "access" || !("among" in fact) || cases.length * fact.among.length > MOST_CASES) continue;
    cases = cases.flatMap((one) => fact.among.map((value) => ({ ...one, [name]: { among: [value] } })));
  }
  return cases;
}

function isAmong(access: Access, fact: PartialFacts[string] | undefined): boolean {
  if (fact === undefined) return true;
  return "among" in fact ? fact.among.includes(access) : fact.includes.includes(access);
}

function possibleOf(fact: PartialFacts[string] | undefined): Possible {
  if (fact === undefined) return ANY;
  if ("includes" in fact) return having(fact.includes);
  // Two that have the same parts are equal in CEL, which is not followed.
  return fact.among.some(hasNames) ? ANY : among(fact.among.map(celValue));
}
