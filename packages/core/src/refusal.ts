/** What kind of no it is. Each protocol has its own word for each kind (`refusal.ts` of the adapter). */
export type RefusalKind =
  /** It came without encryption. */
  | "plaintext"
  /** The credential proves nothing. */
  | "credential"
  /** No such target, or none that this identity may know of. */
  | "target"
  /** No such level on this target, or none that this identity may use. */
  | "level"
  /** The policy says no. */
  | "policy"
  /** A message that breaks its protocol's grammar. */
  | "protocol"
  /** The command could not be understood, and so could not be decided. */
  | "syntax"
  /** It names something of the session's own that does not exist. */
  | "unknown_name"
  | "unknown_cursor"
  /** Understood, but outside what the gateway lets through in any case. */
  | "unsupported"
  /** Its bytes are no text in the encoding that the session speaks. */
  | "encoding"
  /** Its client cancelled it before it was run. */
  | "canceled"
  /** Larger than a limit of the gateway. */
  | "too_large"
  /** The target can't be reached or would not have the gateway. */
  | "unavailable"
  /** The gateway is shutting down. */
  | "busy"
  /** This identity has as many sessions as it may. */
  | "too_many"
  /** The session has lasted, or its proof held, as long as it may. */
  | "expired"
  /** What let the session in was taken back. */
  | "revoked"
  /** The session did nothing for too long: outside of a transaction, or inside one. */
  | "idle"
  | "idle_in_transaction"
  /** A part of the gateway failed; nothing was done. */
  | "internal";

/** A no, in words for the person at the client. The reference finds it on the audit log. */
export interface Refusal {
  readonly kind: RefusalKind;
  /** What its protocol calls it, where that is more exact than its kind. */
  readonly code?: string;
  readonly message: string;
  /** What the system behind the gateway would have said beside the message, where it would have said no itself. */
  readonly detail?: string;
  /** What to do next, where there is something to do. */
  readonly hint?: string;
  readonly reference: string;
  /** Seconds after which it can be tried again, where that is known; whole, from 1 on. */
  readonly retryAfter?: number;
  /** Where in the text it went wrong, counted in characters from 1. */
  readonly position?: number;
}
