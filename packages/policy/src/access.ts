import type { AccessTerms, Hold, RuleReference } from "@gatehouse/core";
import type { z } from "zod";
import type { accessKey } from "./hold-keys.ts";
import { holdOf, resolveHold } from "./hold-rule.ts";

/** What one policy asks of whoever is to get in. */
export interface PolicyAccess {
  readonly hold: Hold;
  /** Milliseconds. */
  readonly lasts: number;
}

/** Milliseconds. */
const LASTS = 60 * 60_000;

/** @param rule by which it is found again: it has no title of its own */
export function resolveAccess(
  rule: RuleReference,
  { lasts = LASTS, ...keys }: z.output<typeof accessKey>,
): PolicyAccess | undefined {
  const written = resolveHold(keys);
  return written && { hold: holdOf(rule, written, []), lasts };
}

/** What several policies ask for together: each has to be met, and the shortest time counts. */
export function termsOf(asked: readonly PolicyAccess[]): AccessTerms | undefined {
  const [first, ...rest] = asked.map(({ hold }) => hold);
  return first && { holds: [first, ...rest], lasts: Math.min(...asked.map(({ lasts }) => lasts)) };
}
