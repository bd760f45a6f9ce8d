import type { Rule } from "./policy.ts";

/** Sets that one target remembers at the most: with conditions that vary, a client can make many. */
const MAX_SETS = 1024;

interface RuleSet<T> {
  readonly asked: readonly T[];
  /** The same with what one more rule asks for. */
  readonly with: Map<Rule, RuleSet<T>>;
}

/**
 * What rules ask for at one target, masks or holds, for all identities: the same rules have the same list, so that what
 * others have worked out for one is found again.
 */
export class RuleSets<T> {
  readonly #asks: (rule: Rule) => readonly T[];
  readonly #ofRule = new Map<Rule, readonly T[]>();
  #none: RuleSet<T> = { asked: [], with: new Map() };
  #count = 0;

  /** @param asks what one rule asks for; asked once for each. */
  constructor(asks: (rule: Rule) => readonly T[]) {
    this.#asks = asks;
  }

  /** What one rule asks for here; empty where that is nothing. */
  of(rule: Rule): readonly T[] {
    const known = this.#ofRule.get(rule);
    if (known !== undefined) return known;
    const asked = this.#asks(rule);
    this.#ofRule.set(rule, asked);
    return asked;
  }

  /** What several ask for, together. */
  together(rules: readonly Rule[]): readonly T[] {
    if (this.#count + rules.length > MAX_SETS) {
      this.#none = { asked: [], with: new Map() };
      this.#count = 0;
    }
    let set = this.#none;
    for (const rule of rules) {
      let larger = set.with.get(rule);
      if (larger === undefined) {
        larger = { asked: [...set.asked, ...this.of(rule)], with: new Map() };
        set.with.set(rule, larger);
        this.#count++;
      }
      set = larger;
    }
    return set.asked;
  }
}
