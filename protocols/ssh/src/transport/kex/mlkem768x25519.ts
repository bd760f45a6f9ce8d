import { createHash, decapsulate, encapsulate, generateKeyPairSync } from "node:crypto";
import { secretAsString } from "../key-derivation.ts";
import { invalidValue } from "./invalid-value.ts";
import type { KexMethod } from "./method.ts";
import { X25519_SIZE, x25519Pair, x25519Secret } from "./x25519.ts";

/** FIPS 203, ML-KEM-768. */
const ENCAPSULATION_KEY = 1184;
const CIPHERTEXT = 1088;

/**
 * mlkem768x25519-sha256 (draft-ietf-sshm-mlkem-hybrid-kex): who wants the secret has to break both parts. The client's
 * value is an encapsulation key and a point, the server's is a ciphertext and a point. The secret is the hash of both
 * secrets, as a string and not as a number.
 */
export const mlkem768x25519: KexMethod = {
  hash: "sha256",
  begin: () => {
    const kem = generateKeyPairSync("ml-kem-768");
    const curve = x25519Pair();
    return {
      publicValue: Buffer.concat([kem.publicKey.export({ format: "raw-public" }), curve.publicValue]),
      finish: (serverValue) => {
        const [ciphertext, point] = split(serverValue, CIPHERTEXT);
        return combine(decapsulate(kem.privateKey, ciphertext), x25519Secret(curve.privateKey, point));
      },
    };
  },
  answer: (clientValue) => {
    const [key, point] = split(clientValue, ENCAPSULATION_KEY);
    const curve = x25519Pair();
    const { sharedKey, ciphertext } = encapsulateTo(key);
    return {
      publicValue: Buffer.concat([ciphertext, curve.publicValue]),
      secret: combine(sharedKey, x25519Secret(curve.privateKey, point)),
    };
  },
};

function split(value: Buffer, first: number): readonly [Buffer, Buffer] {
  if (value.length !== first + X25519_SIZE) throw invalidValue();
  return [value.subarray(0, first), value.subarray(first)];
}

/** The key is checked as FIPS 203 section 7.2 wants it when it is read. */
function encapsulateTo(key: Buffer): { readonly sharedKey: Buffer; readonly ciphertext: Buffer } {
  try {
    return encapsulate({ key, format: "raw-public", asymmetricKeyType: "ml-kem-768" });
  } catch (cause) {
    throw invalidValue(cause);
  }
}

function combine(kem: Buffer, curve: Buffer): Buffer {
  return secretAsString(createHash("sha256").update(kem).update(curve).digest());
}
