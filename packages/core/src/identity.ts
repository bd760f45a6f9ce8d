/** How an identity was proved. Kept with the identity, so that an audit event can say what it rests on. */
export interface Proof {
  /** `callback`: vouched for by whoever holds the key of a configured callback. */
  readonly method: "oidc" | "callback";
  /** The configured provider's or callback's name, as an operator would recognise it. */
  readonly provider: string;
  readonly issuer: string;
  /** The token's own id (`jti`), where it has one. Never the token. */
  readonly tokenId?: string;
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

/** Turns a presented credential into an Identity. */
export interface Authenticator {
  /**
   * @throws GatehouseError with a code of the `IDENTITY_` family. Its message is for the operator; what a
   * client is told is decided at log-in and gives nothing away.
   */
  authenticate(credential: string): Promise<Identity>;
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
}
