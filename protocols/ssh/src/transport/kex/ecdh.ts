import { createECDH, type ECDH } from "node:crypto";
import { type HashName, secretAsMpint } from "../key-derivation.ts";
import { invalidValue } from "./invalid-value.ts";
import type { KexMethod } from "./method.ts";

/** The first byte of a point that is written with both its coordinates (SEC 1 section 2.3.3). */
const UNCOMPRESSED = 4;

/** ecdh-sha2-nistp256, -384 and -521 (RFC 5656 section 4). */
export function ecdh(curve: "prime256v1" | "secp384r1" | "secp521r1", hash: HashName): KexMethod {
  const pair = () => {
    const own = createECDH(curve);
    return { own, publicValue: own.generateKeys() };
  };
  return {
    hash,
    begin: () => {
      const { own, publicValue } = pair();
      return { publicValue, finish: (serverValue) => secret(own, publicValue.length, serverValue) };
    },
    answer: (clientValue) => {
      const { own, publicValue } = pair();
      return { publicValue, secret: secret(own, publicValue.length, clientValue) };
    },
  };
}

/** OpenSSL refuses what is not on the curve. */
function secret(own: ECDH, size: number, peer: Buffer): Buffer {
  if (peer.length !== size || peer[0] !== UNCOMPRESSED) throw invalidValue();
  try {
    return secretAsMpint(own.computeSecret(peer));
  } catch (cause) {
    throw invalidValue(cause);
  }
}
