import type { Address } from "./address.ts";
import type { Access } from "./command.ts";
import type { RuleReference } from "./decision.ts";
import type { Proof } from "./identity.ts";
import type { AppliedMask } from "./masking.ts";
import type { RefusalKind } from "./refusal.ts";
import type { SessionEnd } from "./session.ts";

/** Who and where, in every event of a session. */
export interface AuditActor {
  readonly session: string;
  readonly subject: string;
  readonly target: string;
  readonly level: string;
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
  | ({
      readonly type: "session.opened";
      readonly protocol: string;
      readonly kind: "human" | "workload";
      readonly groups: readonly string[];
      readonly proof: Proof;
      readonly client: Address;
      readonly application: string;
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
      readonly type: "command";
      readonly reference: string;
      readonly command: {
        readonly kind: string;
        readonly verbs: readonly string[];
        readonly access: Access;
        readonly resources: readonly string[];
        readonly text: string;
        readonly parameters?: readonly (string | null)[];
      };
      readonly decision: {
        readonly effect: "allow" | "block";
        readonly rule: RuleReference | null;
        readonly policyVersion: string;
        /** Why it was refused, where no rule said so, or where the rule is a mask that could not be kept. */
        readonly reason?: string;
        /** What is hidden in the answer; absent where that is nothing. */
        readonly masks?: readonly AppliedMask[];
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
