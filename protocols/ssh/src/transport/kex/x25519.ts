import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from "node:crypto";
import { secretAsMpint } from "../key-derivation.ts";
import { invalidValue } from "./invalid-value.ts";
import type { KexMethod } from "./method.ts";

/** Of public values and of secrets. */
export const X25519_SIZE = 32;

export interface X25519Pair {
  readonly publicValue: Buffer;
  readonly privateKey: KeyObject;
}

export function x25519Pair(): X25519Pair {
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  return { publicValue: publicKey.export({ format: "raw-public" }), privateKey };
}

/** @throws GatehouseError PROTOCOL_VIOLATION also where the secret would be the same for every private key (RFC 7748 section 6.1) */
export function x25519Secret(privateKey: KeyObject, peer: Buffer): Buffer {
  if (peer.length !== X25519_SIZE) throw invalidValue();
  try {
    const publicKey = createPublicKey({ key: peer, format: "raw-public", asymmetricKeyType: "x25519" });
    const secret = diffieHellman({ privateKey, publicKey });
    if (secret.some((byte) => byte !== 0)) return secret;
  } catch (cause) {
    throw invalidValue(cause);
  }
  throw invalidValue();
}

/** curve25519-sha256 (RFC 8731). */
export const curve25519: KexMethod = {
  hash: "sha256",
  begin: () => {
    const { publicValue, privateKey } = x25519Pair();
    return {
      publicValue,
      finish: (serverValue) => secretAsMpint(x25519Secret(privateKey, serverValue)),
    };
  },
  answer: (clientValue) => {
    const { publicValue, privateKey } = x25519Pair();
    return { publicValue, secret: secretAsMpint(x25519Secret(privateKey, clientValue)) };
  },
};
