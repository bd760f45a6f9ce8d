import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { inspect } from "node:util";
import type { Secret } from "@gatehouse/core";
import { keyInvalid } from "./invalid.ts";
import { importPrivateKey, publicBlobOf } from "./key-material.ts";
import { isOpensshFile, readOpensshFile, writeOpensshFile } from "./openssh-file.ts";
import { type PublicKey, readPublicKey } from "./public-key.ts";
import { createSignature, type SignatureAlgorithm, signatureAlgorithms } from "./signature.ts";

/** One of RSA with 16384 bits has 13,000. */
const MAX_CHARACTERS = 64 * 1024;
const RSA_BITS = 3072;
const PROBE = Buffer.from("Do the halves belong together?");

/** Types that can be made, and signed with: a security token's key never leaves it. */
export type PrivateKeyType =
  | "ssh-ed25519"
  | "ecdsa-sha2-nistp256"
  | "ecdsa-sha2-nistp384"
  | "ecdsa-sha2-nistp521"
  | "ssh-rsa";

/** A key to sign with. However it is printed, it shows its fingerprint alone. */
export class PrivateKey {
  readonly publicKey: PublicKey;
  readonly #key: KeyObject;

  /** @throws GatehouseError KEY_INVALID for a key that SSH can't have, and where its two halves do not belong together */
  constructor(key: KeyObject) {
    this.#key = key;
    this.publicKey = readPublicKey(publicBlobOf(key));
    if (!this.#provesItself()) throw keyInvalid("its two halves do not belong together");
  }

  /**
   * @returns the whole signature blob: the algorithm and the signature, each a string
   * @throws GatehouseError KEY_INVALID for an algorithm that is not one of the key's
   */
  sign(algorithm: SignatureAlgorithm, data: Uint8Array): Buffer {
    if (!signatureAlgorithms(this.publicKey.type).includes(algorithm)) {
      throw keyInvalid(`a key of the type ${this.publicKey.type} does not sign by ${algorithm}`);
    }
    return createSignature(algorithm, this.#key, data);
  }

  /** The key itself, for files and agents: every place that uses it can be found by this name. */
  reveal(): KeyObject {
    return this.#key;
  }

  /** Signatures by halves that were mixed up are refused at best, and at worst give the key away. */
  #provesItself(): boolean {
    const [algorithm] = signatureAlgorithms(this.publicKey.type);
    if (algorithm === undefined) return false;
    try {
      return this.publicKey.verify(algorithm, PROBE, this.sign(algorithm, PROBE));
    } catch {
      return false;
    }
  }

  toString(): string {
    return `[private key of ${this.publicKey.fingerprint}]`;
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

/**
 * @param text a file in OpenSSH's own format, or PEM: PKCS#8, PKCS#1 or SEC1
 * @throws GatehouseError KEY_INVALID; the error repeats nothing of the text
 */
export function readPrivateKey(text: Secret | string, passphrase?: Secret): PrivateKey {
  const file = typeof text === "string" ? text : text.reveal();
  if (file.length > MAX_CHARACTERS) throw keyInvalid(`its file is longer than ${MAX_CHARACTERS} characters`);
  if (isOpensshFile(file)) {
    const { key, blob } = readOpensshFile(file, passphrase);
    const read = new PrivateKey(key);
    if (read.publicKey.blob.equals(blob)) return read;
    throw keyInvalid("its two halves do not belong together");
  }
  if (passphrase === undefined && /ENCRYPTED/.test(file)) {
    throw keyInvalid("it is encrypted, and there is no passphrase", { hint: "Give its passphrase." });
  }
  return new PrivateKey(
    importPrivateKey({ key: file, format: "pem", passphrase: passphrase?.reveal() ?? "" }),
  );
}

/** A new key. RSA has 3072 bits; making it takes about a second, in which nothing else runs. */
export function generatePrivateKey(type: PrivateKeyType): PrivateKey {
  return new PrivateKey(generateKey(type));
}

function generateKey(type: PrivateKeyType): KeyObject {
  switch (type) {
    case "ssh-ed25519":
      return generateKeyPairSync("ed25519").privateKey;
    case "ecdsa-sha2-nistp256":
      return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    case "ecdsa-sha2-nistp384":
      return generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
    case "ecdsa-sha2-nistp521":
      return generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey;
    case "ssh-rsa":
      return generateKeyPairSync("rsa", { modulusLength: RSA_BITS }).privateKey;
  }
}

/** A file in OpenSSH's own format, not encrypted. @param comment what `ssh-add -l` shows beside it */
export function writePrivateKey(key: PrivateKey, comment: string): Secret {
  return writeOpensshFile(key.reveal(), key.publicKey.blob, comment);
}
