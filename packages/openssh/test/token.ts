import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { string, uint32 } from "../src/fields.ts";
import { publicBlobOf } from "../src/key-material.ts";
import { type PublicKey, readPublicKey } from "../src/index.ts";
import { createSignature } from "../src/signature.ts";

const KINDS = {
  "sk-ssh-ed25519@openssh.com": "ssh-ed25519",
  "sk-ecdsa-sha2-nistp256@openssh.com": "ecdsa-sha2-nistp256",
} as const;
export type TokenType = keyof typeof KINDS;

export const TOKEN_TYPES = Object.keys(KINDS) as TokenType[];

/** A security token (PROTOCOL.u2f) whose key lies in memory, and which believes what it is told of its person. */
export function createToken(type: TokenType, application = "ssh:") {
  const plainType = KINDS[type];
  const key: KeyObject =
    plainType === "ssh-ed25519"
      ? generateKeyPairSync("ed25519").privateKey
      : generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const fields = publicBlobOf(key).subarray(string(plainType).length);
  const publicKey: PublicKey = readPublicKey(Buffer.concat([string(type), fields, string(application)]));

  const counter = 5;

  function sign(
    data: Uint8Array,
    { flags = 1, signedFlags = flags }: { flags?: number; signedFlags?: number } = {},
  ): Buffer {
    const hash = (bytes: string | Uint8Array) => createHash("sha256").update(bytes).digest();
    const signed = [hash(application), Buffer.of(signedFlags), uint32(counter), hash(data)];
    const inner = createSignature(plainType, key, Buffer.concat(signed)).subarray(string(plainType).length);
    return Buffer.concat([string(type), inner, Buffer.of(flags), uint32(counter)]);
  }

  return { publicKey, sign };
}
