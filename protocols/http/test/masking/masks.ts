import type { Mask } from "@gatehouse/core";

/** A mask of this rule; without more, it hides nothing. */
export function maskOf(more: Partial<Mask>): Mask {
  const rule = { policy: "p", rule: "r", source: "p.yaml:1" };
  return { rule, columns: [], detect: [], with: { kind: "redact" }, predicates: "refuse", ...more };
}

/** What `contacts` hides. */
export const CANARY = "anna.keller@example.com";
export const contacts = maskOf({ detect: ["pii.*"] });
