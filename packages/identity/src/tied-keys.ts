import { createHash, timingSafeEqual } from "node:crypto";
import type { GatehouseError, Identity, TiedKey } from "@gatehouse/core";
import { isCertificate } from "@gatehouse/openssh";
import { refusedCredential } from "./token.ts";

/** A key has no end of its own: the last moment that a Date can have. */
const NEVER = 8.64e15;
const LONGEST_TYPE = 64;

interface Known {
  readonly digest: Buffer;
  readonly identity: Identity;
}

/** The keys that the config ties to somebody. */
export class TiedKeys {
  readonly #known: readonly Known[];

  constructor(keys: readonly TiedKey[]) {
    this.#known = keys.map(({ blob, fingerprint, subject, kind, groups, provider, issuer }) => ({
      digest: digestOf(blob),
      identity: {
        ...{ subject, kind, groups },
        proof: { method: "ssh-key", provider, issuer, key: fingerprint },
        expiresAt: NEVER,
      },
    }));
  }

  /**
   * Whose key it is. All are looked at, and each as long as any other: the time tells nothing of what the config has.
   * @param blob RFC 4253 section 6.6; there is one for each key
   */
  find(blob: Uint8Array): Identity | undefined {
    const digest = digestOf(blob);
    let found: Identity | undefined;
    for (const known of this.#known) if (timingSafeEqual(known.digest, digest)) found = known.identity;
    return found;
  }
}

/**
 * What is said of a key that is nobody's.
 * @returns undefined for a certificate: that it is not tied to somebody says nothing of it
 */
export function nobodysKey(blob: Uint8Array): GatehouseError | undefined {
  if (isCertificate(typeOf(blob))) return undefined;
  const fingerprint = digestOf(blob).toString("base64").replace(/=+$/, "");
  return refusedCredential(
    "IDENTITY_INVALID",
    `The key SHA256:${fingerprint} is nobody's`,
    "Keys are tied to identities under `identity.ssh.keys` in the config.",
  );
}

/** What stands in front of every key and certificate (RFC 4253 section 6.6); nothing where the bytes are neither. */
function typeOf(blob: Uint8Array): string {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  const length = bytes.length < 4 ? 0 : bytes.readUInt32BE();
  return length <= LONGEST_TYPE ? bytes.toString("latin1", 4, 4 + length) : "";
}

function digestOf(blob: Uint8Array): Buffer {
  return createHash("sha256").update(blob).digest();
}
