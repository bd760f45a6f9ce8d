import type { Address } from "./address.ts";
import type { Identity } from "./identity.ts";
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
  | "idle"
  | "gateway_error";
