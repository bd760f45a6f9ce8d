import { isDeepStrictEqual } from "node:util";
import { termsOf } from "@gatehouse/approvals";
import { type AccessTerms, type Grant, identityKey } from "@gatehouse/core";
import type { Place } from "./access-command.ts";

/** The grants whose time is not over, and those among them that let somebody in. */
export class CurrentGrants {
  readonly #grants = new Map<string, Grant>();

  /** Takes one, new or changed, and lets go of those whose time is over. */
  put(grant: Grant, now: number): void {
    for (const { id, until } of this.#grants.values()) if (now >= until) this.#grants.delete(id);
    this.#grants.set(grant.id, grant);
  }

  /** Also one that was taken back. */
  get(id: string): Grant | undefined {
    return this.#grants.get(id);
  }

  living(now: number): readonly Grant[] {
    return [...this.#grants.values()].filter((grant) => isLiving(grant, now));
  }

  /** Of those that let an identity in at a level on these terms, the one that lasts longest. */
  find(place: Place, terms: AccessTerms, now: number): Grant | undefined {
    return this.living(now)
      .filter((grant) => isFor(grant, place) && sameTerms(grant.holds, terms.holds))
      .reduce<Grant | undefined>((one, other) => (one && one.until >= other.until ? one : other), undefined);
  }
}

export function isLiving({ until, revoked }: Grant, now: number): boolean {
  return now < until && revoked === undefined;
}

function isFor(grant: Grant, { identity, target, level }: Place): boolean {
  return (
    grant.target === target.name &&
    grant.level === level.name &&
    identityKey(grant.identity) === identityKey(identity)
  );
}

/** Whether these are the same terms: who agreed to something on others has not agreed to this. */
export function sameTerms(one: Grant["holds"], other: Grant["holds"]): boolean {
  // Those of the store have their keys in an order of its own.
  return isDeepStrictEqual(JSON.parse(termsOf(one)), JSON.parse(termsOf(other)));
}
