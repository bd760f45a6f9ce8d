import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { isEdwardsPoint } from "./edwards.ts";
import { Fields } from "./fields.ts";
import { keyInvalid } from "./invalid.ts";
import { type SignatureAlgorithm, signatureAlgorithms, verifySignature } from "./signature.ts";

/*
 * The wire form of public keys, as fields behind a string with the type:
 *
 *   ssh-ed25519                          string point                                       RFC 8709 section 4
 *   ecdsa-sha2-nistp256, 384, 521        string curve, string point                         RFC 5656 section 3.1
 *   ssh-rsa                              mpint e, mpint n                                   RFC 4253 section 6.6
 *   sk-ssh-ed25519@openssh.com           string point, string application                   PROTOCOL.u2f
 *   sk-ecdsa-sha2-nistp256@openssh.com   string curve, string point, string application     PROTOCOL.u2f
 */

export type KeyType =
  | "ssh-ed25519"
  | "ecdsa-sha2-nistp256"
  | "ecdsa-sha2-nistp384"
  | "ecdsa-sha2-nistp521"
  | "ssh-rsa"
  | "sk-ssh-ed25519@openssh.com"
  | "sk-ecdsa-sha2-nistp256@openssh.com";

/** How many fields stand behind the type. */
const FIELDS: Readonly<Record<KeyType, number>> = {
  "ssh-ed25519": 1,
  "ecdsa-sha2-nistp256": 2,
  "ecdsa-sha2-nistp384": 2,
  "ecdsa-sha2-nistp521": 2,
  "ssh-rsa": 2,
  "sk-ssh-ed25519@openssh.com": 2,
  "sk-ecdsa-sha2-nistp256@openssh.com": 3,
};

/** The curves by the names that stand in keys, with a coordinate's length in bytes. */
const CURVES = {
  nistp256: { crv: "P-256", size: 32 },
  nistp384: { crv: "P-384", size: 48 },
  nistp521: { crv: "P-521", size: 66 },
} as const;

const MIN_RSA_BITS = 2048;
/** Above this OpenSSL refuses to verify, and one signature would take a core for long. */
const MAX_RSA_BITS = 16_384;
/** An exponent as long as the modulus makes verifying as slow as signing: an attack, and nobody's key. */
const MAX_EXPONENT_BYTES = 8;

export function isKeyType(name: string): name is KeyType {
  return Object.hasOwn(FIELDS, name);
}

/** A public key that was found to be sound. There is one blob for each key, so that equal keys have equal blobs. */
export class PublicKey {
  readonly type: KeyType;
  /** RFC 4253 section 6.6. */
  readonly blob: Buffer;
  /** `SHA256:` and the hash of the blob in base64 without padding, as ssh-keygen prints it. */
  readonly fingerprint: string;
  readonly #key: KeyObject;
  /** Of a key in a security token: what its signatures are made for. */
  readonly #application: Buffer | undefined;

  /** @throws GatehouseError KEY_INVALID, as `readPublicKey` does */
  constructor(blob: Uint8Array) {
    // A copy: the reader's buffer may be used again.
    this.blob = Buffer.from(blob);
    const fields = new Fields(this.blob, keyInvalid);
    const type = fields.text();
    if (!isKeyType(type)) throw unknownType(type);
    this.type = type;
    this.#key = readKey(type, fields);
    this.#application = type.startsWith("sk-") ? fields.string() : undefined;
    fields.end();
    this.fingerprint = `SHA256:${createHash("sha256").update(this.blob).digest("base64").replace(/=+$/, "")}`;
  }

  equals(other: PublicKey): boolean {
    return this.blob.equals(other.blob);
  }

  /**
   * Whether the key's owner signed the data. A security token's signature counts where a person touched the token.
   * @param signature the whole signature blob: the algorithm, the signature, for a token its flags and counter too
   * @returns false also for what is no signature at all, or one by another algorithm
   */
  verify(algorithm: SignatureAlgorithm, data: Uint8Array, signature: Uint8Array): boolean {
    if (!signatureAlgorithms(this.type).includes(algorithm)) return false;
    return verifySignature(algorithm, { key: this.#key, application: this.#application }, data, signature);
  }

  /** As in a `.pub` file, without the comment. */
  toString(): string {
    return `${this.type} ${this.blob.toString("base64")}`;
  }
}

/**
 * @param blob RFC 4253 section 6.6
 * @throws GatehouseError KEY_INVALID for a type that is not one of ours, RSA under 2048 or over 16384 bits, a point that
 * is not on its curve, and whatever is not the one way to write the key
 */
export function readPublicKey(blob: Uint8Array): PublicKey {
  return new PublicKey(blob);
}

/**
 * Reads the fields of a key of this type out of a longer document.
 * @returns the key, as a blob of its own
 */
export function passPublicKeyFields(type: KeyType, fields: Fields): Buffer {
  const start = fields.offset;
  for (let count = 0; count < FIELDS[type]; count++) fields.string();
  return fields.since(start);
}

function readKey(type: KeyType, fields: Fields): KeyObject {
  switch (type) {
    case "ssh-ed25519":
    case "sk-ssh-ed25519@openssh.com": {
      const point = fields.string();
      if (!isEdwardsPoint(point)) throw offCurve();
      return importKey({ kty: "OKP", crv: "Ed25519", x: point.toString("base64url") });
    }
    case "ecdsa-sha2-nistp256":
    case "sk-ecdsa-sha2-nistp256@openssh.com":
      return readEcdsa("nistp256", fields);
    case "ecdsa-sha2-nistp384":
      return readEcdsa("nistp384", fields);
    case "ecdsa-sha2-nistp521":
      return readEcdsa("nistp521", fields);
    case "ssh-rsa":
      return readRsa(fields);
  }
}

/** A point is 4 and its two coordinates: the compressed form would be a second blob for one key (SEC 1 section 2.3.3). */
function readEcdsa(curve: keyof typeof CURVES, fields: Fields): KeyObject {
  if (fields.text() !== curve) throw keyInvalid("its curve is not the one of its type");
  const point = fields.string();
  const { crv, size } = CURVES[curve];
  if (point[0] !== 4 || point.length !== 1 + 2 * size) throw offCurve();
  const x = point.subarray(1, 1 + size).toString("base64url");
  const y = point.subarray(1 + size).toString("base64url");
  return importKey({ kty: "EC", crv, x, y });
}

function readRsa(fields: Fields): KeyObject {
  const e = fields.mpint();
  const n = fields.mpint();
  const bits = n.length * 8 - Math.clz32(n[0] ?? 0) + 24;
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) {
    throw keyInvalid(`it is an RSA key of ${bits} bits`, {
      hint: `Use ssh-ed25519, or RSA with ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits.`,
    });
  }
  const odd = (number: Buffer) => ((number.at(-1) ?? 0) & 1) === 1;
  const exponentIsOne = e.length === 1 && e[0] === 1;
  if (!odd(n) || !odd(e) || exponentIsOne || e.length > MAX_EXPONENT_BYTES) {
    throw keyInvalid("its numbers are not those of an RSA key");
  }
  return importKey({ kty: "RSA", n: n.toString("base64url"), e: e.toString("base64url") });
}

/** OpenSSL looks whether a point of a NIST curve is on it. */
function importKey(key: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key, format: "jwk" });
  } catch (cause) {
    throw keyInvalid("its numbers are not those of a key", { cause });
  }
}

function offCurve() {
  return keyInvalid("its point is not on its curve, or not in the form that SSH has for it");
}

function unknownType(type: string) {
  return keyInvalid(`its type is ${JSON.stringify(type.slice(0, 64))}`, {
    hint: "Use a key of one of the types ssh-ed25519, ecdsa-sha2-nistp256, -384, -521, ssh-rsa, or a security token's.",
  });
}
