import { createPrivateKey, X509Certificate } from "node:crypto";
import { GatehouseError, messageOf, type Secret } from "@gatehouse/core";
import { readSecretFile } from "./secret-file.ts";

/** A certificate chain and its private key, PEM: what the gateway shows a target in the TLS handshake. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: Secret;
}

/**
 * Reads a certificate with its key, anew at each call: a renewed pair is used by the next session without a restart.
 * @param files absolute paths
 * @throws GatehouseError SECRET_UNAVAILABLE where a file can't be read, CERTIFICATE_INVALID where it holds something
 * else or the two do not belong together; with the paths, and never anything of the key
 */
export async function readClientCertificate(files: {
  readonly cert: string;
  readonly key: string;
}): Promise<ClientCertificate> {
  const cert = (await readSecretFile(files.cert, "certificate")).reveal();
  const key = await readSecretFile(files.key, "private key");
  try {
    if (!belongTogether(cert, key)) throw invalid(files, "do not belong together");
    return { cert, key };
  } catch (error) {
    key.wipe();
    throw error instanceof GatehouseError
      ? error
      : invalid(files, `can't be used: ${messageOf(error)}`, error);
  }
}

function belongTogether(cert: string, key: Secret): boolean {
  return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key.reveal()));
}

function invalid(
  { cert, key }: { readonly cert: string; readonly key: string },
  what: string,
  cause?: unknown,
): GatehouseError {
  return new GatehouseError(
    "CERTIFICATE_INVALID",
    `The certificate ${cert} and the key ${key} ${what}; the credential that needs them was not used.`,
    { hint: "Put a certificate chain and its own key there, both PEM, the key without a passphrase.", cause },
  );
}
