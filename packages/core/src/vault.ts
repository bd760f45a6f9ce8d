import type { SecretReference } from "./secret.ts";

/** Where a Vault-style secrets engine is, and by what the gateway proves itself to it. */
export interface VaultSettings {
  /** Its URL, without a slash at its end. */
  readonly address: string;
  /** The path of a CA bundle that replaces the public authorities. */
  readonly ca?: string;
  /** Never a reference to the engine itself. */
  readonly token: SecretReference;
  readonly namespace?: string;
}
