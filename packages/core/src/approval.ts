import type { Address } from "./address.ts";
import type { Access } from "./command.ts";
import type { RuleReference } from "./decision.ts";
import type { Identity, Proof } from "./identity.ts";
import type { Mask } from "./masking.ts";

/**
 * Where an Approval stands. `spent`: its command was let through, once. `void`: its client left, cancelled it or
 * changed something that it rested on, or the gateway was started anew. All but `pending` and `approved` are ends;
 * only an `expired` one whose rule lets it through masked is spent after that.
 */
export type ApprovalState = "pending" | "approved" | "denied" | "expired" | "void" | "spent";

/** Who may say yes to what a rule holds, and how many of them have to. Every list that is there must have one. */
export interface Approvers {
  readonly groups?: readonly string[];
  readonly subjects?: readonly string[];
  readonly kinds?: readonly Identity["kind"][];
  /** At least one. */
  readonly count: number;
}

/**
 * What one yes is good for. `same`: the very same command with the same values, or one that differs in values alone.
 * `for`: this one time, the rest of the session, or all sessions of the identity on the target at the level for so
 * many milliseconds.
 */
export interface ApprovalScope {
  readonly same: "command" | "shape";
  readonly for: "once" | "session" | number;
}

/** What one `hold` rule asks for, as far as it is about one target. */
export interface Hold {
  readonly rule: RuleReference;
  /** Each has to be met, and by people of its own: who counts for one does not count for another of this rule. */
  readonly approvers: readonly [Approvers, ...Approvers[]];
  /** Milliseconds from the asking on in which it can be answered. */
  readonly expires: number;
  /** Who has to say why. */
  readonly reasons: readonly ("requester" | "approver")[];
  readonly scope: ApprovalScope;
  /** What becomes of it when nobody has answered: refused, or let through with these masks beside the others. */
  readonly unanswered: "refuse" | readonly Mask[];
  /** For the person at the client, from whoever keeps the policy. */
  readonly message?: string;
}

/** Why an Approval is void. */
export type VoidReason =
  /** The client closed, or ended the session. */
  | "client_gone"
  /** The client cancelled the command. */
  | "canceled"
  /** What was sent before it failed, and the command with it; or a log-in that waited was let in by another yes. */
  | "overtaken"
  /** The gateway ended the session. */
  | "session_ended"
  /** What the command would do, or what it rests on, is not what was asked for any more. */
  | "changed"
  /** The rules do not hold it any more, or on other terms. */
  | "policy_changed"
  /** That it was asked for could not be put on record. */
  | "not_recorded"
  /** It was approved, and the command, which waits on no connection, was not sent again in time. */
  | "unused"
  | "gateway_restarted";

/** What became of a command that was let through; `in_doubt` where nobody can tell: it is never run again. */
export type Outcome = "done" | "failed" | "in_doubt";

/** One person's word. */
export interface Answer {
  readonly by: Pick<Identity, "subject" | "groups"> & {
    readonly kind: Identity["kind"];
    readonly proof: Proof;
  };
  readonly answer: "approve" | "deny";
  readonly reason?: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What an approver should know beside the command, as far as its protocol can tell. */
export interface Surroundings {
  /** The command stands in a transaction, which keeps what it has locked for as long as the command waits. */
  readonly transaction?: {
    /** Milliseconds since the epoch. */
    readonly since: number;
    readonly failed: boolean;
    /** `mode` in the target's words; `ROW EXCLUSIVE` on `public.orders`. */
    readonly locks: readonly { readonly on: string; readonly mode: string }[];
  };
  /** How many rows the target expects it to be about. */
  readonly rows?: number;
}

/** One command of the session before the held one. */
export interface EarlierCommand {
  readonly at: number;
  readonly effect: "allow" | "block" | "hold";
  readonly verbs: readonly string[];
  readonly resources: readonly string[];
}

/** The held command, as far as it is kept: bounded, like that of an audit event. */
export interface HeldCommand {
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly access: Access;
  readonly resources: readonly string[];
  readonly functions: readonly string[];
  readonly text: string;
  readonly parameters: readonly (string | null)[];
  /** The texts of what it runs by name. */
  readonly runs: readonly string[];
  /** The text without the values that stand in it; absent where the protocol can't tell them apart. */
  readonly outline?: string;
  /** What is stored on the target that its values may be about, as masks name it; null where that can't be told. */
  readonly touches: readonly string[] | null;
}

/** The life of a held Command. */
export interface Approval {
  readonly id: string;
  readonly state: ApprovalState;
  /** Times are in milliseconds since the epoch. */
  readonly requestedAt: number;
  readonly expiresAt: number;
  /** When it came to the state it is in. */
  readonly changedAt: number;
  readonly requester: Pick<Identity, "subject" | "kind" | "groups" | "proof">;
  readonly session: {
    /** Empty where there is none: access that was asked for beforehand. */
    readonly id: string;
    readonly openedAt: number;
    readonly client: Address;
    readonly application: string;
    /** All that it has asked for before, and what of that was refused. */
    readonly commands: number;
    readonly refused: number;
    /** The last ones, the newest last. */
    readonly recent: readonly EarlierCommand[];
  };
  readonly protocol: string;
  readonly target: string;
  readonly level: string;
  readonly command: HeldCommand;
  /** SHA-256 over all that makes it this command of this session and no other, in hex; of a detached one, of this identity. */
  readonly digest: string;
  /** Its command waits on no connection: it is bound to its identity, target and level, and not to a session. */
  readonly detached?: true;
  readonly policyVersion: string;
  readonly holds: readonly [Hold, ...Hold[]];
  /** Why, in the requester's own words. */
  readonly reason?: string;
  readonly answers: readonly Answer[];
  readonly surroundings: Surroundings;
  /** Of a void one. */
  readonly why?: VoidReason;
  /** Of a spent one, when it is known. */
  readonly outcome?: Outcome;
  /** Commands that a yes to it has let through beside its own, where its scope is wider than once. */
  readonly reused: number;
}

/** What is said to a client whose command waits. */
export interface HoldNotice {
  readonly message: string;
  readonly detail: string;
  readonly hint: string;
}

/** How a detached Approval stands, for whoever has asked for it. */
export interface Standing extends Pick<Approval, "id" | "state" | "why" | "outcome"> {
  /** Milliseconds since the epoch: until when it can be answered, and once it is approved, until when it can be run. */
  readonly until: number;
  readonly message: string;
  readonly hint?: string;
}

/** What a command has waited for: it comes with it when it is decided again. */
export interface Waited {
  readonly approval: string;
  /** Its command has come back with the approval's id: it is asked for anew, in another session as a rule. */
  readonly recalled?: true;
  /** It is not to be run any more: the wait ends, and the approval is void. Later calls do nothing, and a detached one stays. */
  gone(why: Extract<VoidReason, "client_gone" | "canceled" | "overtaken" | "session_ended">): void;
  /** What became of it, once it was let through. Later calls do nothing. */
  outcome(outcome: Outcome): void;
}

/**
 * A command that waits for a person. Its adapter stops taking more from its client, shows the client the notice, and
 * when the wait has ended puts the same command to `OpenSession.decide` again, together with this.
 */
export interface Held extends Waited {
  readonly notice: HoldNotice;
  /** Milliseconds after which the client is shown the notice again, and again; undefined is never. */
  readonly repeat: number | undefined;
  /** Resolves when there is nothing to wait for any more, whatever the answer. Never rejects. */
  readonly ended: Promise<void>;
  /** Tells more for the approver; what was told before of the same thing is replaced. */
  describe(surroundings: Surroundings): void;
}
