import type { Identity } from "./identity.ts";
import type { Secret } from "./secret.ts";
import type { Level, Target } from "./target.ts";

/** A credential for the target, issued for one session. */
export interface Lease {
  /** Who the target takes the session for. */
  readonly user: string;
  /** undefined where a certificate or a key is all there is. */
  readonly password: Secret | undefined;
  /** PEM, for the TLS handshake with the target. */
  readonly certificate?: { readonly cert: string; readonly key: Secret };
  /** An SSH key, in OpenSSH's form or PEM, and its certificate where it has one, as on the wire. */
  readonly key?: { readonly secret: Secret; readonly certificate?: Uint8Array };
  /** Of that certificate, by what the target's log names it; the serial in decimal. */
  readonly certified?: { readonly serial: string; readonly keyId: string };
  /**
   * Takes the credential back. Resolves as soon as that is certain to happen, and never rejects: what can't be taken back
   * now is tried again by its owner.
   */
  release(): Promise<void>;
}

/** One way into a target, for which a credential is wanted. */
export interface Way {
  readonly target: Target;
  readonly level: Level;
}

/** For whom a lease is acquired. */
export interface LeaseRequest extends Way {
  /** The session's id. */
  readonly session: string;
  readonly identity: Identity;
}

/** How a user that is made for a session is kept. */
export interface MintTerms {
  /** Milliseconds after which its log-in stops working by itself, unless it is renewed: for when nobody is left to take it back. */
  readonly ttl: number;
  /** How many are made ahead, so that a log-in need not wait. */
  readonly ready: number;
  /** `identity`: the parallel sessions of one identity at one level have one together. */
  readonly share: "session" | "identity";
}

/** Why a user was taken back. `gone`: its gateway is not there any more. `unknown`: no lease that is known has it. */
export type RevocationReason = "released" | "unused" | "gone" | "unknown";
