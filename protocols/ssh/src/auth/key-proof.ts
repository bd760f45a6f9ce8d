import { timingSafeEqual } from "node:crypto";
import { GatehouseError } from "@gatehouse/core";
import {
  isCertificate,
  type PublicKey,
  readCertificate,
  readPublicKey,
  type SignatureAlgorithm,
  signatureAlgorithmOf,
  signatureAlgorithms,
} from "@gatehouse/openssh";
import { type KeyProof, signedData } from "../codec/userauth-request.ts";

/** What a request to be let in by a key says: which key signs, and how. */
interface Claim {
  readonly key: PublicKey;
  readonly algorithm: SignatureAlgorithm;
}

/** @returns undefined where the key and the algorithm do not fit each other, or either is none that is taken */
function claimOf({ algorithm, blob }: Pick<KeyProof, "algorithm" | "blob">): Claim | undefined {
  const signs = signatureAlgorithmOf(algorithm);
  if (signs === undefined) return undefined;
  try {
    const key = isCertificate(algorithm) ? readCertificate(blob).publicKey : readPublicKey(blob);
    return signatureAlgorithms(key.type).includes(signs) ? { key, algorithm: signs } : undefined;
  } catch (error) {
    if (error instanceof GatehouseError) return undefined;
    throw error;
  }
}

/** Whether a key that is only shown could sign: who asks before they sign is told no at once where it can't. */
export function couldProve(proof: KeyProof): boolean {
  return claimOf(proof) !== undefined;
}

/**
 * Whether the signature of a request holds: over this very connection, so that it can't be used for another one, and, where the
 * client says for which server it is, for this one (OpenSSH's PROTOCOL, section 3.1).
 */
export function isProved(proof: KeyProof, sessionId: Buffer, hostKey: Buffer): boolean {
  const claim = claimOf(proof);
  if (claim === undefined || proof.signature === undefined) return false;
  if (proof.hostKey !== undefined && !isSame(proof.hostKey, hostKey)) return false;
  return claim.key.verify(claim.algorithm, signedData(sessionId, proof.signed), proof.signature);
}

function isSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
