import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createSecureContext, type SecureContext } from "node:tls";
import { GatehouseError, messageOf, type Secret } from "@gatehouse/core";

/** PEM, for a server that asks its clients who they are. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: Secret;
}

/** As many as targets and credentials are in use at once; of more, the one that was used longest ago goes. */
const MOST = 64;

const contexts = new Map<string, { readonly version: string; readonly context: SecureContext }>();

/**
 * The context of a TLS connection as its client: 1.2 at least. Parsing the authorities takes longer than the rest of
 * a handshake, so connections share a context until the file changes: authorities that were rotated need no restart.
 * @param ca path of the authorities (PEM); undefined for those that Node brings
 * @throws GatehouseError CERTIFICATE_INVALID when the authorities or the certificate can't be read
 */
export async function clientContext(
  ca: string | undefined,
  certificate: ClientCertificate | undefined,
): Promise<SecureContext> {
  const id = `${certificate === undefined ? "" : fingerprint(certificate)} ${ca ?? ""}`;
  try {
    // Looked at before the file is read: one that changes in between is read again by the next connection.
    const version = ca === undefined ? "" : await versionOf(ca);
    const known = contexts.get(id);
    contexts.delete(id);
    const used = known?.version === version ? known : { version, context: await create(ca, certificate) };
    contexts.set(id, used);
    for (const oldest of contexts.keys()) {
      if (contexts.size <= MOST) break;
      contexts.delete(oldest);
    }
    return used.context;
  } catch (cause) {
    throw new GatehouseError(
      "CERTIFICATE_INVALID",
      `The authorities or the certificate for a target can't be used: ${messageOf(cause)}.`,
      { cause, hint: "Check tls.ca and credential.certificate of the target." },
    );
  }
}

async function create(
  ca: string | undefined,
  certificate: ClientCertificate | undefined,
): Promise<SecureContext> {
  return createSecureContext({
    minVersion: "TLSv1.2",
    // Bytes, not text: an empty text would mean the authorities that Node brings, an empty file means none.
    ...(ca === undefined ? {} : { ca: await readFile(ca) }),
    ...(certificate === undefined ? {} : { cert: certificate.cert, key: certificate.key.reveal() }),
  });
}

/** Differs when the file was written again or another one was put in its place, through a link too. */
async function versionOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
}

/** Stands for a certificate and its key, so that a rotated pair is another one and the map holds no key. */
function fingerprint({ cert, key }: ClientCertificate): string {
  return createHash("sha256").update(cert).update("\0").update(key.reveal()).digest("base64");
}
