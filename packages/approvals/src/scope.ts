import type { ApprovalScope, Hold } from "@gatehouse/core";

/** What a yes to all of these is good for: no more than what it is good for under each of them. */
export function scopeOf(holds: readonly [Hold, ...Hold[]]): ApprovalScope {
  return holds
    .map(({ scope }) => scope)
    .reduce((one, other) => ({
      same: one.same === "command" ? "command" : other.same,
      for: narrower(one.for, other.for),
    }));
}

/** Milliseconds after which no yes to these is good any more; Infinity where only the end of its session ends it. */
export function lifetimeOf(holds: readonly Hold[]): number {
  return Math.min(...holds.map(({ scope }) => (typeof scope.for === "number" ? scope.for : Infinity)));
}

function narrower(one: ApprovalScope["for"], other: ApprovalScope["for"]): ApprovalScope["for"] {
  if (one === "once" || other === "once") return "once";
  if (one === "session" || other === "session") return "session";
  return Math.min(one, other);
}
