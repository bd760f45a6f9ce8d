import {
  createDiffieHellmanGroup,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
} from "node:crypto";
import { ByteReader } from "@gatehouse/wire";
import { readMpint } from "../../codec/strings.ts";
import { type HashName, secretAsMpint } from "../key-derivation.ts";
import { der, tag } from "./der.ts";
import { invalidValue } from "./invalid-value.ts";
import type { KexMethod } from "./method.ts";

/** 1.2.840.113549.1.3.1, dhKeyAgreement, as an element of DER. */
const DH_KEY_AGREEMENT = Buffer.from("06092a864886f70d010301", "hex");

/** A group of RFC 3526. */
interface Group {
  readonly prime: bigint;
  /** The AlgorithmIdentifier of keys in this group (PKCS #3). */
  readonly algorithm: Buffer;
}

interface Pair {
  readonly privateKey: KeyObject;
  readonly publicValue: Buffer;
}

/**
 * diffie-hellman-groupN-sha* (RFC 8268). Values are strings that hold an mpint, whose bytes are those of a DER integer, too. The
 * larger half of the work is done on Node's other threads: with numbers so large it takes milliseconds, and anybody may ask for it.
 */
export function dhGroup(name: "modp14" | "modp16" | "modp18", hash: HashName): KexMethod {
  const { prime, generator } = parameters(name);
  const numbers = der(tag.sequence, der(tag.integer, integer(prime)), der(tag.integer, integer(generator)));
  const group: Group = {
    prime: toNumber(prime),
    algorithm: der(tag.sequence, DH_KEY_AGREEMENT, numbers),
  };
  return {
    hash,
    begin: () => {
      const own = makePair(name, group);
      return { publicValue: own.publicValue, finish: (serverValue) => secret(own, group, serverValue) };
    },
    answer: async (clientValue) => {
      checkRange(clientValue, group);
      const own = makePair(name, group);
      return { publicValue: own.publicValue, secret: await secret(own, group, clientValue) };
    },
  };
}

function parameters(name: string): { readonly prime: Buffer; readonly generator: Buffer } {
  const group = createDiffieHellmanGroup(name);
  return { prime: group.getPrime(), generator: group.getGenerator() };
}

function makePair(name: string, { algorithm }: Group): Pair {
  const own = createDiffieHellmanGroup(name);
  const publicValue = integer(own.generateKeys());
  const exponent = der(tag.octetString, der(tag.integer, integer(own.getPrivateKey())));
  const version = der(tag.integer, Buffer.of(0));
  const privateKey = createPrivateKey({
    key: der(tag.sequence, version, algorithm, exponent),
    type: "pkcs8",
    format: "der",
  });
  return { privateKey, publicValue };
}

async function secret(own: Pair, group: Group, peer: Buffer): Promise<Buffer> {
  checkRange(peer, group);
  // A bit string begins with how many bits of its last byte are not meant: none.
  const bits = der(tag.bitString, Buffer.of(0), der(tag.integer, peer));
  const publicKey = createPublicKey({
    key: der(tag.sequence, group.algorithm, bits),
    type: "spki",
    format: "der",
  });
  return secretAsMpint(await shared(own.privateKey, publicKey));
}

/** RFC 4253 section 8 allows 1 and p - 1 as well: with these everybody knows the secret. */
function checkRange(value: Buffer, { prime }: Group): void {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  const number = toNumber(readMpint(new ByteReader(Buffer.concat([length, value]))));
  if (number <= 1n || number >= prime - 1n) throw invalidValue();
}

/** What stands in an mpint. */
function integer(number: Buffer): Buffer {
  return secretAsMpint(number).subarray(4);
}

function toNumber(bytes: Buffer): bigint {
  return BigInt(`0x0${bytes.toString("hex")}`);
}

function shared(privateKey: KeyObject, publicKey: KeyObject): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    diffieHellman({ privateKey, publicKey }, (error, secret) => {
      if (error) reject(invalidValue(error));
      else resolve(secret);
    });
  });
}
