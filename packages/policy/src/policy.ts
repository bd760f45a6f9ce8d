import type { Identity, RuleReference } from "@gatehouse/core";
import type { Condition } from "./condition.ts";

/** What the policies need to know of a configured target. */
export interface PolicyTarget {
  readonly protocol: string;
  readonly levels: Iterable<string>;
}

/** Whom a policy is for: within one list any entry will do, and every list that is there must have one. */
interface Who {
  readonly groups: ReadonlySet<string> | undefined;
  readonly subjects: ReadonlySet<string> | undefined;
  readonly kinds: ReadonlySet<string> | undefined;
}

/** One rule, compiled for each protocol that it fits. */
export interface Rule {
  readonly reference: RuleReference;
  readonly effect: "allow" | "block";
  /** The condition as written; undefined is always. */
  readonly when: string | undefined;
  readonly message: string | undefined;
  /** By protocol; undefined is always. A protocol that is not a key is one that the rule does not fit. */
  readonly conditions: ReadonlyMap<string, Condition | undefined>;
}

export interface Policy {
  readonly title: string;
  readonly file: string;
  readonly who: Who;
  /** Undefined is every target. */
  readonly targets: ReadonlySet<string> | undefined;
  /** Undefined is every level. */
  readonly levels: ReadonlySet<string> | undefined;
  readonly rules: readonly Rule[];
}

/** Why a policy does not apply, or undefined where it does. */
export function reasonAgainst(
  policy: Policy,
  identity: Identity,
  target: string,
  level: string,
): "who" | "target" | "level" | undefined {
  if (!includes(policy.who, identity)) return "who";
  if (policy.targets !== undefined && !policy.targets.has(target)) return "target";
  if (policy.levels !== undefined && !policy.levels.has(level)) return "level";
  return undefined;
}

function includes({ groups, subjects, kinds }: Who, identity: Identity): boolean {
  return (
    (groups === undefined || identity.groups.some((group) => groups.has(group))) &&
    (subjects === undefined || subjects.has(identity.subject)) &&
    (kinds === undefined || kinds.has(identity.kind))
  );
}
