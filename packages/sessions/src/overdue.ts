import type { Activity, Refusal, Session, SessionLimits } from "@gatehouse/core";
import { formatDuration } from "@gatehouse/documents";

/** What a session is doing, and for how long it has done that and nothing else. */
export interface Doing {
  readonly activity: Activity;
  /** Milliseconds. */
  readonly quiet: number;
}

/**
 * Why a session has to end now, in words for its client; undefined where it may go on. What is under way does not
 * put it off: a limit that a long enough command gets around is none.
 * @param now milliseconds since the epoch
 */
export function overdue(
  { identity, openedAt, grant }: Session,
  { activity, quiet }: Doing,
  { until, length, idle, idleInTransaction }: SessionLimits,
  now: number,
): Omit<Refusal, "reference"> | undefined {
  if (until === "expiry" && now >= identity.expiresAt) {
    return {
      kind: "expired",
      message: "The token that the session was opened with has expired.",
      hint: "Get a new access token, and connect again.",
    };
  }
  if (grant && now >= grant.until) {
    return {
      kind: "expired",
      message: "The grant that let the session in has come to its end.",
      hint: "Ask for another one with `gatehouse request`, or connect again and wait.",
    };
  }
  if (now >= openedAt + length) {
    return {
      kind: "expired",
      message: `The session has lasted ${formatDuration(length)}, which is as long as a session may.`,
      hint: "Connect again.",
    };
  }
  if (activity === "idle" && quiet > idle) {
    return {
      kind: "idle",
      message: `The session was idle for longer than ${formatDuration(idle)}.`,
      hint: "Connect again.",
    };
  }
  if (activity === "waiting" && quiet > idleInTransaction) {
    return {
      kind: "idle_in_transaction",
      message: `The session was idle in a transaction for longer than ${formatDuration(idleInTransaction)}.`,
      hint: "What the transaction did is undone. Connect again, and end it before you pause.",
    };
  }
  return undefined;
}
