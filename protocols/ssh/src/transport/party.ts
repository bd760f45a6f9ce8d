import type { PublicKey, SignatureAlgorithm } from "@gatehouse/openssh";
import type { Algorithms } from "./algorithms.ts";

/** A key by which a server proves who it is. */
export interface HostKey {
  /** Names of the host key algorithms it can be used by, best first: `rsa-sha2-512`, `ssh-ed25519-cert-v01@openssh.com` .. */
  readonly algorithms: readonly string[];
  /** The public key or the host certificate, as it is shown. */
  readonly blob: Buffer;
  /** @returns the whole signature blob */
  sign(algorithm: SignatureAlgorithm, data: Buffer): Buffer | Promise<Buffer>;
}

export interface ShownHostKey {
  readonly algorithm: string;
  readonly blob: Buffer;
}

/**
 * Says whether what a server shows is the server that is meant.
 * @returns the key whose signature counts: a certificate's own
 * @throws what ends the connection
 */
export type VerifyHost = (shown: ShownHostKey) => PublicKey | Promise<PublicKey>;

/** This side of a key exchange. */
export type Party = { readonly algorithms: Algorithms } & (
  | { readonly role: "server"; readonly hostKeys: readonly HostKey[] }
  | {
      readonly role: "client";
      readonly verifyHost: VerifyHost;
      /** Names of host key algorithms, best first. */
      readonly hostKeyAlgorithms: readonly string[];
    }
);
