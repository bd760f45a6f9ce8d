import type { Grant, LoginRequest, Refusal, Session } from "@gatehouse/core";

/** Whether a log-in gets in, as far as that is a matter of grants. */
export type Entry =
  | {
      readonly ok: true;
      /** What it gets in by: for the session. Absent where it needs none. */
      readonly grant?: Pick<Grant, "id" | "until">;
    }
  | {
      readonly ok: false;
      /** `reason` is for the operator. */
      readonly refusal: Omit<Refusal, "reference"> & { readonly reason: string };
    };

/** How a log-in can wait, and what it says of itself: a LoginRequest is one. */
export interface Waiting extends Pick<LoginRequest, "waits" | "gone"> {
  /** Why, in the words of whoever asks. */
  readonly reason?: string | undefined;
}

/** Where a log-in can wait for people. */
export interface Entrance {
  /**
   * Lets a log-in in: at once where its level needs no grant, or its identity has one; else it waits for people, is told so, and
   * has a grant when they have said yes. Never rejects. The wait can be long: whatever the log-in rests on is to be looked at again.
   * @param session as it is going to be
   * @param waiting without `waits` it is refused where it would have to wait; when `gone` aborts, what was asked for is void
   */
  enter(session: Session, waiting: Waiting): Promise<Entry>;
}
