import type { Address } from "./address.ts";
import type { SecretReference } from "./secret.ts";

/** How an identity was proved. Kept with the identity, so that an audit event can say what it rests on. */
export interface Proof {
  /**
   * `callback`: vouched for by whoever holds the key of a configured callback. `ssh-key`: by a key that the config ties to it;
   * `ssh-certificate`: by one that the gateway's own authority has certified.
   */
  readonly method: "oidc" | "callback" | "ssh-key" | "ssh-certificate";
  /** The configured provider's or callback's name, as an operator would recognise it. */
  readonly provider: string;
  readonly issuer: string;
  /** The token's own id (`jti`), where it has one. Never the token. */
  readonly tokenId?: string;
  /** The fingerprint of the key that was proved. */
  readonly key?: string;
  /** The certificate's serial number, in decimal. */
  readonly serial?: string;
}

/** Who asks. Made by `identity` from a verified credential and from nothing else. */
export interface Identity {
  readonly subject: string;
  readonly kind: "human" | "workload";
  readonly groups: readonly string[];
  readonly proof: Proof;
  /** Milliseconds since the epoch at which the proof stops being one. */
  readonly expiresAt: number;
}

/** The same text for the same identity, however proved: a subject is one identity's within its issuer alone. */
export function identityKey({ subject, proof }: Pick<Identity, "subject" | "proof">): string {
  return JSON.stringify([proof.issuer, subject]);
}

/** A key of a client's, as SSH's wire has it: a public key, or a certificate of one (RFC 4253 section 6.6, PROTOCOL.certkeys). */
export interface PresentedKey {
  readonly key: Uint8Array;
  /** From where it was presented: a certificate may be good from some addresses alone. */
  readonly client: Address;
}

/** What a client presented to log in. Of a key its adapter has made certain that the client has it: the session is signed by it. */
export type Credential = { readonly token: string } | PresentedKey;

/** Turns a presented credential into an Identity. */
export interface Authenticator {
  /**
   * @throws GatehouseError with a code of the `IDENTITY_` family. Its message is for the operator; what a
   * client is told is decided at log-in and gives nothing away.
   */
  authenticate(credential: Credential): Promise<Identity>;
  /**
   * Has a person sign in elsewhere.
   * @param client has a share of those who do so at once
   * @param gone ends it
   * @returns undefined where no provider offers that
   * @throws GatehouseError IDENTITY_UNAVAILABLE
   */
  signIn(client: Address, gone: AbortSignal): Promise<SignIn | undefined>;
}

/** A person who signs in with a browser, while their client waits (RFC 8628). */
export interface SignIn {
  /** Where to go, and what to type in there. */
  readonly url: string;
  readonly code: string;
  /** The same place with the code in it, where the provider has one. */
  readonly complete?: string;
  /** Milliseconds since the epoch until which it waits. */
  readonly until: number;
  /** The access token; rejects with GatehouseError of the `IDENTITY_` family when it was denied, came too late, or `gone` aborted. */
  readonly token: Promise<string>;
}

/** Asymmetric signatures only: a shared secret or `none` would let whoever holds the audience mint identities. */
export const tokenAlgorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;

export type TokenAlgorithm = (typeof tokenAlgorithms)[number];

/** As which client the gateway asks a provider to have people sign in (RFC 8628). */
export interface DeviceClient {
  readonly clientId: string;
  /** Absent of a public client. */
  readonly clientSecret?: SecretReference;
  readonly scopes: readonly string[];
}

/** An OpenID Connect provider whose access tokens prove identities. */
export interface OidcProvider {
  readonly name: string;
  /** The `iss` that tokens must carry, and where its discovery document is. */
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly TokenAlgorithm[];
  /** Milliseconds by which the two clocks may differ. */
  readonly clockSkew: number;
  /** The names of the claims that hold each thing. A dotted name reaches into objects. */
  readonly claims: { readonly subject: string; readonly groups: string; readonly kind?: string };
  /** The path of a CA bundle, where the provider's certificate is not from a public authority. */
  readonly ca?: string;
  /** Absent where people can't sign in at it by way of the gateway. */
  readonly device?: DeviceClient;
}

/** A public key that is tied to somebody: who has it is that somebody, as a provider's tokens say it of them. */
export interface TiedKey
  extends Pick<Identity, "subject" | "kind" | "groups">,
    Pick<Proof, "provider" | "issuer"> {
  /** RFC 4253 section 6.6. */
  readonly blob: Uint8Array;
  /** `SHA256:...` */
  readonly fingerprint: string;
}

/** How keys prove identities. */
export interface SshIdentity {
  /** The private key that certifies users' keys; where it is absent, the gateway makes one and keeps it in its state folder. */
  readonly authority?: SecretReference;
  /** Milliseconds that a certificate lasts; absent where it lasts as long as the token that it was given for. */
  readonly ttl?: number;
  readonly keys: readonly TiedKey[];
}
