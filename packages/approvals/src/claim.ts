import type { Command, Decision, Hold, Mask, Refusal, Session, VoidReason } from "@gatehouse/core";
import { digestOf, sameDigest, termsOf } from "./digest.ts";
import type { Entry } from "./entry.ts";
import type { ApprovalEvent } from "./machine.ts";
import { isMet } from "./requirements.ts";
import { refusalOf, refusalOfOther, refusalOfVoid, refusalOfWaiting } from "./words.ts";

/** A command whose wait has ended, as it is now, and as the policy decides on it now. */
export interface Claimed {
  readonly session: Session;
  readonly command: Command;
  readonly decision: Decision;
}

/** Whether a command whose wait has ended is let through. */
export type Claim =
  | {
      readonly ok: true;
      readonly approval: string;
      /** Beside those of the decision: of one that nobody has answered. */
      readonly masks: readonly Mask[];
      /**
       * To be called when the audit log has the command, and before it is run: the approval is spent on record.
       * @throws GatehouseError STORE_FAILED; then the command must be refused
       */
      recorded(): void;
      /** To be called instead where the audit log does not take the command, and it is refused. */
      unrecorded(): void;
    }
  | { readonly ok: false; readonly approval: string; readonly refusal: Omit<Refusal, "reference"> };

type Judgement =
  | {
      readonly ok: true;
      /** Absent where it was spent before, and this is more of the same answer. */
      readonly event?: Extract<ApprovalEvent, "spend" | "spend unanswered">;
      readonly masks: readonly Mask[];
    }
  | {
      readonly ok: false;
      readonly refusal: Omit<Refusal, "reference">;
      /** The approval has to be void from here on. */
      readonly void?: VoidReason;
    };

/** What stands between a command and its approval, first that it may have another one's, or one that was used. */
export function judgeClaim(
  { approval, phase, stopped }: Entry,
  { session, command, decision }: Claimed,
): Judgement {
  const { id, digest, holds } = approval;
  const detached = approval.detached === true;
  const never = (why: VoidReason) => ({ ok: false, refusal: refusalOfVoid(id, why), void: why }) as const;
  if (stopped !== undefined) return { ok: false, refusal: refusalOfVoid(id, stopped) };
  // Its client asks too early; the people who look at it go on.
  if (phase === "pending" && detached) return { ok: false, refusal: refusalOfWaiting(id) };
  if (phase === "pending") return never("overtaken");
  // That the first rows have come says nothing of the rest: only what failed has no more to give.
  const gives = phase === "spent" || (phase === "settled" && approval.outcome === "done");
  const goesOn = gives && command.continues === true && !detached;
  // Whoever waits gets it masked in the end; whoever comes back could come whenever they like.
  const masks = isMet(approval) ? [] : detached ? undefined : masksUnanswered(holds);
  if ((phase !== "approved" && phase !== "expired" && !goesOn) || !masks) {
    return { ok: false, refusal: refusalOf(approval) };
  }
  const now = digestOf({ session, command }, detached);
  if (now === undefined || !sameDigest(now, digest)) {
    // A client names the approval by itself: that it has named the wrong one takes nothing from the right command.
    return detached ? { ok: false, refusal: refusalOfOther(id) } : never("changed");
  }
  if (decision.effect !== "hold" || termsOf(decision.holds) !== termsOf(holds)) {
    return never("policy_changed");
  }
  if (goesOn) return { ok: true, masks };
  return { ok: true, event: phase === "approved" ? "spend" : "spend unanswered", masks };
}

/** What hides in place of an answer; undefined where one of them refuses. Without a mask nothing would be hidden. */
export function masksUnanswered(holds: readonly Hold[]): readonly Mask[] | undefined {
  const masks = holds.map(({ unanswered }) => (unanswered === "refuse" ? [] : unanswered));
  return masks.every(({ length }) => length > 0) ? masks.flat() : undefined;
}
