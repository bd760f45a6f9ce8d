import type { Address } from "./address.ts";
import type { Grant } from "./grant.ts";
import type { Identity } from "./identity.ts";
import type { Refusal } from "./refusal.ts";
import type { Level, Target } from "./target.ts";

/** One identity on one target over one client connection, from open to close. */
export interface Session {
  readonly id: string;
  readonly identity: Identity;
  readonly target: Target;
  readonly level: Level;
  readonly client: Address;
  /** What the client's program calls itself (`application_name`, a user agent); the client's claim, never a proof. */
  readonly application: string;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
  /** What lets it in, where its level is had by somebody's yes alone; it ends with that. */
  readonly grant?: Pick<Grant, "id" | "until">;
}

/** Why a session ended, in the words of the audit log. */
export type SessionEnd =
  | "client_closed"
  | "client_error"
  | "target_closed"
  | "target_unreachable"
  | "protocol_violation"
  | "drained"
  | "expired"
  | "revoked"
  | "idle"
  | "gateway_error";

/** How a session ended that the gateway ended from its side, by what its client was told. */
export function endOf({ kind }: Pick<Refusal, "kind">): SessionEnd {
  switch (kind) {
    case "busy":
      return "drained";
    case "expired":
      return "expired";
    case "revoked":
      return "revoked";
    case "idle":
    case "idle_in_transaction":
      return "idle";
    default:
      return "gateway_error";
  }
}

/** How long a session may last, and how many an identity may have. Times are in milliseconds; Infinity is none. */
export interface SessionLimits {
  /** `expiry`: a session ends when its identity's proof does. `close`: it may outlive it. */
  readonly until: "close" | "expiry";
  /** From open to close. */
  readonly length: number;
  /** How long it may do nothing, outside of a transaction and inside one. */
  readonly idle: number;
  readonly idleInTransaction: number;
  /** Sessions of one identity that are open at once. */
  readonly perIdentity: number;
}
