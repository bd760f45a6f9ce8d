import type { Address } from "./address.ts";
import type { MintTerms } from "./lease.ts";
import type { SecretReference } from "./secret.ts";

/** How the gateway protects and checks its connection to a target. */
export type UpstreamTls =
  | { readonly mode: "verify-full"; readonly ca?: string; readonly serverName?: string }
  | { readonly mode: "verify-ca"; readonly ca: string }
  /** Plaintext, because the config says so in words for this one target (promise 8). */
  | { readonly mode: "off" }
  /** The protocol protects and checks the connection itself. */
  | { readonly mode: "own" };

/** The target's own credential: known to the gateway, never to a client. */
export interface TargetCredential {
  readonly user: string;
  readonly password?: SecretReference;
  /** Absolute paths of PEM files. */
  readonly certificate?: { readonly cert: string; readonly key: string };
  /** An SSH key: the private one, in OpenSSH's form or PEM. */
  readonly key?: SecretReference;
  /** The private key of an SSH authority that the target trusts: it certifies a key for each session. */
  readonly authority?: SecretReference;
}

/** What a credential may hold that proves who comes. */
export type CredentialProof = Exclude<keyof TargetCredential, "user">;

/** Where the credential of a level's sessions comes from. */
export type LevelCredential =
  /** It stands in the config: the same for all sessions. */
  | TargetCredential
  /** A user made for the session at the target, by the target's own credential. */
  | { readonly mint: MintTerms }
  /** The path by which a Vault-style engine issues one for the session: `database/creds/orders-reader`. */
  | { readonly vault: string };

/** A named way in: what a client asks for, and the credential that the gateway uses for it. */
export interface Level {
  readonly name: string;
  readonly credential: LevelCredential;
  /** The protocol's own, as its `levelSettings` has read them. */
  readonly settings: unknown;
}

/** A system behind the gateway. `Settings` are the target's protocol's own. */
export interface Target<Settings = unknown> {
  readonly name: string;
  readonly protocol: string;
  /** Tried in this order. */
  readonly addresses: readonly [Address, ...Address[]];
  readonly tls: UpstreamTls;
  readonly levels: ReadonlyMap<string, Level>;
  /** The gateway's own way in, for what it has to know of the target: the target's credential, or its first level's. */
  readonly credential: TargetCredential;
  /** What the parts of the target hold: tag -> columns (or the like), with `*` as in a Mask. */
  readonly tags: ReadonlyMap<string, readonly string[]>;
  /** Milliseconds within which the target must have accepted the gateway. */
  readonly connectTimeout: number;
  readonly settings: Settings;
}
