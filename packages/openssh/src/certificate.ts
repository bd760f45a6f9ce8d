import { GatehouseError } from "@gatehouse/core";
import { certifiedType } from "./certificate-algorithms.ts";
import { type CertificateOptions, readOptions } from "./certificate-options.ts";
import { Fields, string } from "./fields.ts";
import { certificateInvalid } from "./invalid.ts";
import { passPublicKeyFields, type PublicKey, readPublicKey } from "./public-key.ts";
import { isSignatureAlgorithm } from "./signature.ts";

/*
 * OpenSSH's certificates (PROTOCOL.certkeys):
 *
 *   string  type, such as ssh-ed25519-cert-v01@openssh.com
 *   string  nonce
 *   ...     the fields of the public key
 *   uint64  serial
 *   uint32  1 for a user's, 2 for a host's
 *   string  key id
 *   string  principals, each a string
 *   uint64  valid after, in seconds
 *   uint64  valid before
 *   string  critical options
 *   string  extensions
 *   string  reserved
 *   string  the authority's public key
 *   string  its signature over all of the above
 */

export type CertificateKind = "user" | "host";

/** A certificate whose authority signed it. That it is one for here and now is for `checkCertificate` to say. */
export interface Certificate {
  readonly type: CertificateKind;
  /** Its type in the blob. RSA's is used by other names: `certificateAlgorithms`. */
  readonly algorithm: string;
  readonly publicKey: PublicKey;
  readonly serial: bigint;
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Milliseconds since the epoch, from the first moment that it is valid. */
  readonly validAfter: number;
  /** Milliseconds since the epoch, to the first moment that it is valid no more; Infinity without an end. */
  readonly validBefore: number;
  readonly criticalOptions: CertificateOptions;
  readonly extensions: CertificateOptions;
  readonly authority: PublicKey;
  readonly blob: Buffer;
}

export const KINDS: Readonly<Record<CertificateKind, number>> = { user: 1, host: 2 };
/** As many as OpenSSH reads. */
export const MAX_PRINCIPALS = 256;
/** With the longest of keys, signatures and lists of principals that are of use. */
const MAX_BYTES = 64 * 1024;
const SECOND = 1000;

/**
 * Reads a certificate, and verifies its authority's signature: what is returned was said by the authority.
 * @throws GatehouseError CERTIFICATE_INVALID
 */
export function readCertificate(blob: Uint8Array): Certificate {
  if (blob.length > MAX_BYTES) throw certificateInvalid(`it is longer than ${MAX_BYTES} bytes`);
  // A copy: the reader's buffer may be used again.
  const own = Buffer.from(blob);
  const fields = new Fields(own, certificateInvalid);
  const algorithm = fields.text();
  const keyType = certifiedType(algorithm);
  if (keyType === undefined) throw certificateInvalid("it is of no type of certificates");
  fields.string();
  const keyFields = passPublicKeyFields(keyType, fields);
  const serial = fields.uint64();
  const type = readKind(fields.uint32());
  const keyId = fields.text();
  const principals = readPrincipals(fields.string());
  const [validAfter, validBefore] = [milliseconds(fields.uint64()), milliseconds(fields.uint64())];
  const criticalOptions = readOptions(fields.string());
  const extensions = readOptions(fields.string());
  fields.string();
  const authority = readKey("its authority's key", fields.string());
  const signed = fields.since(0);
  const signature = fields.string();
  fields.end();
  verify(authority, signed, signature);
  const publicKey = readKey("its key", Buffer.concat([string(keyType), keyFields]));
  return {
    ...{ type, algorithm, publicKey, serial, keyId, principals, validAfter, validBefore },
    ...{ criticalOptions, extensions, authority, blob: own },
  };
}

/** An authority's key that is a certificate itself has no type of keys: there are no chains. */
function readKey(which: string, blob: Buffer): PublicKey {
  try {
    return readPublicKey(blob);
  } catch (cause) {
    throw certificateInvalid(`${which} can't be used`, {
      cause,
      ...(cause instanceof GatehouseError && cause.hint !== undefined ? { hint: cause.hint } : {}),
    });
  }
}

/** The signature names its algorithm itself; SHA-1 is none of ours. */
function verify(authority: PublicKey, signed: Buffer, signature: Buffer): void {
  const algorithm = new Fields(signature, certificateInvalid).text();
  if (!isSignatureAlgorithm(algorithm) || !authority.verify(algorithm, signed, signature)) {
    throw certificateInvalid(
      "its authority's signature does not hold, or is by an algorithm that is not allowed",
    );
  }
}

function readKind(value: number): CertificateKind {
  if (value === KINDS.user) return "user";
  if (value === KINDS.host) return "host";
  throw certificateInvalid("it is neither a user's nor a host's");
}

function readPrincipals(bytes: Buffer): readonly string[] {
  const fields = new Fields(bytes, certificateInvalid);
  const principals: string[] = [];
  while (fields.remaining > 0) {
    const principal = fields.text();
    if (principal === "") throw certificateInvalid("one of its principals is empty");
    if (principals.length === MAX_PRINCIPALS) {
      throw certificateInvalid(`it has more than ${MAX_PRINCIPALS} principals`);
    }
    principals.push(principal);
  }
  return principals;
}

/** A number too large for milliseconds stands for no end; as a beginning it is one that never comes. */
function milliseconds(seconds: bigint): number {
  const value = Number(seconds) * SECOND;
  return Number.isSafeInteger(value) ? value : Number.POSITIVE_INFINITY;
}
