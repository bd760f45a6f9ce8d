import type { Mask } from "@gatehouse/core";
import { masksOf, type Tags } from "./mask-rule.ts";
import type { Rule } from "./policy.ts";

/** Sets that one target remembers at the most: with conditions that vary, a client can make many. */
const MAX_SETS = 1024;

interface MaskSet {
  readonly masks: readonly Mask[];
  /** The same with those of one more rule. */
  readonly with: Map<Rule, MaskSet>;
}

/**
 * The masks of rules at one target, for all identities: the same rules have the same list, so that what a protocol
 * has worked out for one is found again.
 */
export class MaskSets {
  readonly #tags: Tags;
  readonly #ofRule = new Map<Rule, readonly Mask[]>();
  #none: MaskSet = { masks: [], with: new Map() };
  #count = 0;

  constructor(tags: Tags) {
    this.#tags = tags;
  }

  /** The masks of one rule here; empty where it hides nothing here. */
  of(rule: Rule): readonly Mask[] {
    const known = this.#ofRule.get(rule);
    if (known !== undefined) return known;
    const masks = rule.mask === undefined ? [] : masksOf(rule.reference, rule.mask, this.#tags);
    this.#ofRule.set(rule, masks);
    return masks;
  }

  /** Those of several rules, together. */
  together(rules: readonly Rule[]): readonly Mask[] {
    if (this.#count + rules.length > MAX_SETS) {
      this.#none = { masks: [], with: new Map() };
      this.#count = 0;
    }
    let set = this.#none;
    for (const rule of rules) {
      let larger = set.with.get(rule);
      if (larger === undefined) {
        larger = { masks: [...set.masks, ...this.of(rule)], with: new Map() };
        set.with.set(rule, larger);
        this.#count++;
      }
      set = larger;
    }
    return set.masks;
  }
}
