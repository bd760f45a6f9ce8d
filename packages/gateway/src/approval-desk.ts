import type { Approval, ApprovalState, Approvers, ErrorCode, Identity, RuleReference } from "@gatehouse/core";
import type { Delivery } from "@gatehouse/webhooks";

/** An approval as one person sees it. */
export interface ApprovalView {
  /** Without its values, where `withheld` says so: no text but the outline, and no parameters. */
  readonly approval: Approval;
  /** Its values may be such as masks hide from whoever looks. */
  readonly withheld: boolean;
  /** What is still needed. */
  readonly missing: readonly {
    readonly rule: RuleReference;
    readonly approvers: Approvers;
    /** How many of them have said yes. */
    readonly given: number;
  }[];
  /** Why whoever looks can't answer it now; undefined where they can. */
  readonly unanswerable?: ErrorCode;
  /** Other commands that wait for the same yes. */
  readonly alike: number;
  readonly deliveries: readonly Delivery[];
}

/** Something that has happened to an approval. */
export interface ApprovalChange {
  /** In the order of the changes; what an event stream calls its last event's id. */
  readonly id: string;
  readonly event: "requested" | "answered" | "approved" | "denied" | "expired" | "void" | "spent" | "outcome";
  readonly view: ApprovalView;
}

/** Where people see and answer what is held. They see what they may answer, and what they have asked for themselves. */
export interface ApprovalDesk {
  /**
   * The newest first.
   * @param before where the page before has ended
   * @returns `next`: where this page ends, as there may be older ones; a page can be short, or empty, all the same
   */
  list(
    viewer: Identity,
    query: { readonly states?: readonly ApprovalState[]; readonly before?: string; readonly limit: number },
  ): { readonly approvals: readonly ApprovalView[]; readonly next?: string };
  /** @throws GatehouseError APPROVAL_UNKNOWN */
  show(viewer: Identity, id: string): ApprovalView;
  /**
   * Resolves when the answer is on record and has taken effect.
   * @throws GatehouseError of the APPROVAL_ family; the attempt is on the audit log, and nothing else has changed
   */
  answer(
    viewer: Identity,
    id: string,
    given: { readonly answer: "approve" | "deny"; readonly reason?: string },
  ): Promise<ApprovalView>;
  /**
   * An answer that somebody else's system brings, signed by a configured callback's key.
   * @param body as it came, byte by byte
   * @throws GatehouseError of the APPROVAL_ and CALLBACK_ families
   */
  callback(
    name: string,
    headers: Readonly<Record<string, string | readonly string[] | undefined>>,
    body: Buffer,
  ): Promise<ApprovalView>;
  /**
   * Calls `listener` for each change that the viewer may see.
   * @param after the id of the last change that is known already: those behind it come first, as far as they are kept
   * @returns `missed`: there were more than are kept, so that the list has to be read anew
   */
  watch(
    viewer: Identity,
    after: string | undefined,
    listener: (change: ApprovalChange) => void,
  ): { readonly missed: boolean; stop(): void };
}
