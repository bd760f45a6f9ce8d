import { createHash, type KeyObject, sign, verify } from "node:crypto";
import { Fields, mpint, string } from "./fields.ts";
import { keyInvalid } from "./invalid.ts";
import type { KeyType } from "./public-key.ts";

/*
 * A signature is
 *
 *   string  algorithm
 *   string  signature
 *
 * where the inner one is 64 bytes for Ed25519 (RFC 8709 section 6), the integer for RSA (RFC 8332 section 3), and
 * `mpint r, mpint s` for ECDSA (RFC 5656 section 3.1.2). A security token's has `byte flags, uint32 counter` behind it,
 * and is over SHA256(application), flags, counter, SHA256(data) (PROTOCOL.u2f).
 */

/** `ssh-rsa` is not among them: its hash is SHA-1. */
export type SignatureAlgorithm =
  | "ssh-ed25519"
  | "ecdsa-sha2-nistp256"
  | "ecdsa-sha2-nistp384"
  | "ecdsa-sha2-nistp521"
  | "rsa-sha2-256"
  | "rsa-sha2-512"
  | "sk-ssh-ed25519@openssh.com"
  | "sk-ecdsa-sha2-nistp256@openssh.com";

type Scheme =
  | { readonly kind: "ed25519"; readonly hash: null }
  | { readonly kind: "rsa"; readonly hash: string }
  /** `size`: of r and of s, in bytes. */
  | { readonly kind: "ecdsa"; readonly hash: string; readonly size: number };

const SCHEMES: Readonly<Record<SignatureAlgorithm, Scheme>> = {
  "ssh-ed25519": { kind: "ed25519", hash: null },
  "ecdsa-sha2-nistp256": { kind: "ecdsa", hash: "sha256", size: 32 },
  "ecdsa-sha2-nistp384": { kind: "ecdsa", hash: "sha384", size: 48 },
  "ecdsa-sha2-nistp521": { kind: "ecdsa", hash: "sha512", size: 66 },
  "rsa-sha2-256": { kind: "rsa", hash: "sha256" },
  "rsa-sha2-512": { kind: "rsa", hash: "sha512" },
  "sk-ssh-ed25519@openssh.com": { kind: "ed25519", hash: null },
  "sk-ecdsa-sha2-nistp256@openssh.com": { kind: "ecdsa", hash: "sha256", size: 32 },
};

/** PROTOCOL.u2f: somebody touched the token. */
const USER_PRESENT = 0x01;

/** The algorithms that a key of this type signs by, best first. */
export function signatureAlgorithms(type: KeyType): readonly SignatureAlgorithm[] {
  return type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type];
}

export function isSignatureAlgorithm(name: string): name is SignatureAlgorithm {
  return Object.hasOwn(SCHEMES, name);
}

/** Best first: what a server tells its clients that it takes. */
export const allSignatureAlgorithms: readonly SignatureAlgorithm[] =
  Object.keys(SCHEMES).filter(isSignatureAlgorithm);

/**
 * @param signer.application that of a security token's key; undefined for any other
 * @returns false for what can't be read, too
 */
export function verifySignature(
  algorithm: SignatureAlgorithm,
  signer: { readonly key: KeyObject; readonly application: Buffer | undefined },
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const fields = new Fields(signature, keyInvalid);
    if (fields.text() !== algorithm) return false;
    const inner = fields.string();
    let signed = data;
    if (signer.application !== undefined) {
      const flags = fields.bytes(1);
      const counter = fields.bytes(4);
      // Else whoever has the machine would have the token that is plugged into it.
      if ((flags.readUInt8() & USER_PRESENT) === 0) return false;
      signed = Buffer.concat([sha256(signer.application), flags, counter, sha256(data)]);
    }
    fields.end();
    const scheme = SCHEMES[algorithm];
    const raw = fromWire(scheme, signer.key, inner);
    return verify(scheme.hash, signed, { key: signer.key, dsaEncoding: "ieee-p1363" }, raw);
  } catch {
    return false;
  }
}

/**
 * Signs with a key that lies in memory; not a security token's.
 * @returns the whole signature blob
 */
export function createSignature(algorithm: SignatureAlgorithm, key: KeyObject, data: Uint8Array): Buffer {
  const scheme = SCHEMES[algorithm];
  const raw = sign(scheme.hash, data, { key, dsaEncoding: "ieee-p1363" });
  return Buffer.concat([string(algorithm), string(toWire(scheme, raw))]);
}

/** From SSH's form to the one that Node verifies. */
function fromWire(scheme: Scheme, key: KeyObject, inner: Buffer): Buffer {
  switch (scheme.kind) {
    case "ed25519":
      return inner;
    case "rsa":
      // RFC 8332 section 3 has the number without its zeros in front; RSA itself has it as long as the modulus.
      return leftPadded(inner, Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8));
    case "ecdsa": {
      const fields = new Fields(inner, keyInvalid);
      const r = fields.mpint();
      const s = fields.mpint();
      fields.end();
      return Buffer.concat([leftPadded(r, scheme.size), leftPadded(s, scheme.size)]);
    }
  }
}

function toWire(scheme: Scheme, raw: Buffer): Buffer {
  if (scheme.kind !== "ecdsa") return raw;
  return Buffer.concat([mpint(raw.subarray(0, scheme.size)), mpint(raw.subarray(scheme.size))]);
}

function leftPadded(number: Buffer, size: number): Buffer {
  if (number.length > size) throw keyInvalid("a number of its signature is too long");
  return Buffer.concat([Buffer.alloc(size - number.length), number]);
}

function sha256(data: Uint8Array): Buffer {
  return createHash("sha256").update(data).digest();
}
