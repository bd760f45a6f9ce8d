import type { KeyType } from "./public-key.ts";
import { isSignatureAlgorithm, type SignatureAlgorithm, signatureAlgorithms } from "./signature.ts";

const SUFFIX = "-cert-v01@openssh.com";

/** The type that a certificate over a key of this type has in its blob: a token's name has its domain at the end. */
export function certificateType(type: KeyType): string {
  return type.replace("@openssh.com", "") + SUFFIX;
}

const KEY_TYPES: readonly KeyType[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
];
const BY_TYPE = new Map(KEY_TYPES.map((type) => [certificateType(type), type]));
const BY_ALGORITHM = new Map(
  KEY_TYPES.flatMap((type) => signatureAlgorithms(type)).map((signature) => [
    signature.replace("@openssh.com", "") + SUFFIX,
    signature,
  ]),
);

/** The key's type in a certificate of this type; undefined where it is none. */
export function certifiedType(type: string): KeyType | undefined {
  return BY_TYPE.get(type);
}

/** Whether this is a certificate's type, or an algorithm that a peer uses one by. */
export function isCertificate(algorithmOrType: string): boolean {
  return BY_TYPE.has(algorithmOrType) || BY_ALGORITHM.has(algorithmOrType);
}

/**
 * The algorithms to name where a certificate over a key of this type is offered or asked for, best first. RSA's have names
 * of their own, which stand in no certificate.
 */
export function certificateAlgorithms(type: KeyType): readonly string[] {
  return [...BY_ALGORITHM]
    .filter(([, signature]) => signatureAlgorithms(type).includes(signature))
    .map(([name]) => name);
}

/**
 * How a peer signs that names this algorithm, be it a key's or a certificate's.
 * @returns undefined for what is not known, and for `ssh-rsa` and its certificates' name, which mean SHA-1
 */
export function signatureAlgorithmOf(algorithm: string): SignatureAlgorithm | undefined {
  return isSignatureAlgorithm(algorithm) ? algorithm : BY_ALGORITHM.get(algorithm);
}
