import type { Address } from "./address.ts";
import type { Answer, Outcome, VoidReason } from "./approval.ts";
import type { Access } from "./command.ts";
import type { RuleReference } from "./decision.ts";
import type { ErrorCode } from "./error.ts";
import type { Proof } from "./identity.ts";
import type { RevocationReason } from "./lease.ts";
import type { AppliedMask } from "./masking.ts";
import type { SavedRecording } from "./recording.ts";
import type { RefusalKind } from "./refusal.ts";
import type { SessionEnd } from "./session.ts";

/** Who and where, in every event of a session. */
export interface AuditActor {
  /** Empty where there is none yet: access that is asked for beforehand. */
  readonly session: string;
  readonly subject: string;
  readonly target: string;
  readonly level: string;
}

/** A Command, as far as events have it. */
export interface AuditedCommand {
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly access: Access;
  readonly resources: readonly string[];
  readonly text: string;
  readonly parameters?: readonly (string | null)[];
}

/** What is appended to the audit log. The log adds `seq`, `time`, `prev` and `hash`. */
export type AuditEvent =
  | {
      readonly type: "gateway.started";
      readonly version: string;
      readonly policyVersion: string;
      readonly configDigest: string;
    }
  | { readonly type: "gateway.stopped"; readonly reason: string }
  | {
      readonly type: "config.reloaded";
      readonly policyVersion: string;
      readonly configDigest: string;
    }
  | { readonly type: "config.rejected"; readonly problems: number; readonly first: string }
  | {
      readonly type: "log.recovered";
      readonly tornBytes: number;
      readonly sha256: string;
      readonly keptAs: string;
    }
  | {
      readonly type: "login.failed";
      readonly reference: string;
      readonly protocol: string;
      readonly kind: RefusalKind;
      /** For the operator: what the client was not told. */
      readonly reason: string;
      readonly client: Address;
      readonly target: string;
      readonly level: string;
      readonly subject?: string;
    }
  | {
      /** The gateway's authority has certified a key of somebody's. */
      readonly type: "certificate.issued";
      readonly reference: string;
      readonly subject: string;
      readonly proof: Proof;
      readonly client: Address;
      /** The key's fingerprint. */
      readonly key: string;
      /** In decimal. */
      readonly serial: string;
      /** ISO 8601. */
      readonly until: string;
    }
  | ({
      readonly type: "session.opened";
      readonly protocol: string;
      readonly kind: "human" | "workload";
      readonly groups: readonly string[];
      readonly proof: Proof;
      readonly client: Address;
      readonly application: string;
      /** As whom the gateway logs in at the target. */
      readonly user: string;
      /** The certificate that it shows there, where it was issued for the session: as the target's log names it. */
      readonly certificate?: { readonly serial: string; readonly keyId: string };
      /** The grant that lets it in, where it needs one. */
      readonly grant?: string;
    } & AuditActor)
  | ({
      readonly type: "session.closed";
      readonly end: SessionEnd;
      readonly detail?: string;
      readonly commands: number;
      readonly refused: number;
      /** Milliseconds. */
      readonly duration: number;
    } & AuditActor)
  | ({
      /** What a program has shown was recorded, and is whole. */
      readonly type: "recording.saved";
    } & SavedRecording &
      AuditActor)
  | ({
      /** A file was moved by commands that were let through. */
      readonly type: "file.moved";
      readonly path: string;
      /** To the target, or from it. */
      readonly direction: "up" | "down";
      readonly bytes: number;
      /** In hex; null where it can't be told. */
      readonly sha256: string | null;
      /** Why not: it was moved in part, out of order, more than once, or copied at the target. */
      readonly unhashed?: string;
      /** All of it was. */
      readonly complete: boolean;
    } & AuditActor)
  | {
      /** A user that was made at a target is there no more; `kept`: it can't log in, and something rests on what it owns. */
      readonly type: "lease.revoked" | "lease.kept";
      readonly target: string;
      readonly user: string;
      readonly why: RevocationReason;
      /** The session that it was for, and whose that was, where that is known. */
      readonly session?: string;
      readonly subject?: string;
      /** What it owned, and what became of that; of a kept one also what is in the way. */
      readonly detail?: string;
    }
  | {
      readonly type: "grant.issued";
      readonly grant: string;
      readonly approval: string;
      readonly subject: string;
      readonly target: string;
      readonly level: string;
      /** ISO 8601. */
      readonly until: string;
    }
  | {
      readonly type: "grant.revoked";
      readonly grant: string;
      readonly by: Answer["by"];
      readonly reason?: string;
    }
  | ({
      readonly type: "approval.requested";
      readonly approval: string;
      readonly command: AuditedCommand;
      readonly digest: string;
      /** It waits on no connection, and may be run by another one. */
      readonly detached?: true;
      /** All that hold it. */
      readonly rules: readonly RuleReference[];
      readonly policyVersion: string;
      /** The requester's. */
      readonly reason?: string;
      /** ISO 8601. */
      readonly expires: string;
    } & AuditActor)
  | ({
      /** One person's word; with the last one that was needed, the approval changes too. */
      readonly type: "approval.answered";
      readonly approval: string;
      readonly answer: Answer["answer"];
      readonly by: Answer["by"];
      readonly reason?: string;
    } & AuditActor)
  | ({
      readonly type: "approval.approved" | "approval.denied" | "approval.expired";
      readonly approval: string;
    } & AuditActor)
  | ({ readonly type: "approval.void"; readonly approval: string; readonly why: VoidReason } & AuditActor)
  | ({
      /** What became of a command that was let through by it. That it was, is the command's own event. */
      readonly type: "approval.spent";
      readonly approval: string;
      readonly outcome: Outcome;
    } & AuditActor)
  | {
      /** An answer without an effect. */
      readonly type: "approval.rejected";
      readonly approval: string;
      readonly code: ErrorCode;
      readonly by?: Answer["by"];
      /** By which way it came, where nobody was proved. */
      readonly via?: string;
    }
  | ({
      readonly type: "command";
      readonly reference: string;
      readonly command: AuditedCommand;
      readonly decision: {
        readonly effect: "allow" | "block";
        readonly rule: RuleReference | null;
        readonly policyVersion: string;
        /** Why it was refused, where no rule said so, or where the rule is a mask that could not be kept. */
        readonly reason?: string;
        /** What is hidden in the answer; absent where that is nothing. */
        readonly masks?: readonly AppliedMask[];
        /** By whose yes it was let through, or for want of which it was refused. Let through, that one is spent, or reused. */
        readonly approval?: string;
        /** Rules that would have held it, had this identity not broken their glass. */
        readonly brokeGlass?: readonly RuleReference[];
      };
    } & AuditActor);

/** The audit log as others see it. */
export interface AuditLog {
  /**
   * Resolves when the event is written; rejects when it is not, and then the caller must refuse what the
   * event was to record.
   */
  append(event: AuditEvent): Promise<void>;
}
