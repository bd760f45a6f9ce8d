import {
  type CipherGCMTypes,
  type Cipheriv,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type Decipheriv,
  type KeyObject,
} from "node:crypto";
import { GatehouseError } from "@gatehouse/core";
import { Mac } from "./macs.ts";

/** How the packets of one direction are protected. The length of a packet is in the clear, and protected with it. */
export interface Sealer {
  /** The length of what is encrypted is a multiple of it. */
  readonly block: number;
  /**
   * @param sequence the packet's number
   * @param length its first four bytes
   * @param plain what follows: padding length, payload, padding; it is not used once this has returned
   * @returns what stands in the place of `plain`, and what proves it
   */
  seal(sequence: number, length: Buffer, plain: Buffer): readonly [sealed: Buffer, proof: Buffer];
}

export interface Opener {
  readonly block: number;
  /** Bytes behind the packet that prove it. */
  readonly proof: number;
  /**
   * @param packet length, what is encrypted, proof
   * @returns padding length, payload, padding; in bytes of their own
   * @throws GatehouseError PROTOCOL_VIOLATION when the proof is not right; nothing was looked at then
   */
  open(sequence: number, packet: Buffer): Buffer;
}

/** What protects one direction from NEWKEYS on. */
export interface Keys {
  readonly cipher: string;
  /** Empty where the cipher brings its own. */
  readonly mac: string;
  readonly key: Buffer;
  readonly iv: Buffer;
  readonly macKey: Buffer;
}

type CipherKind =
  | { readonly mode: "gcm"; readonly algorithm: CipherGCMTypes; readonly key: number; readonly iv: 12 }
  | { readonly mode: "ctr"; readonly algorithm: string; readonly key: number; readonly iv: 16 };

const kinds = new Map<string, CipherKind>([
  ["aes128-gcm@openssh.com", { mode: "gcm", algorithm: "aes-128-gcm", key: 16, iv: 12 }],
  ["aes256-gcm@openssh.com", { mode: "gcm", algorithm: "aes-256-gcm", key: 32, iv: 12 }],
  ["aes128-ctr", { mode: "ctr", algorithm: "aes-128-ctr", key: 16, iv: 16 }],
  ["aes192-ctr", { mode: "ctr", algorithm: "aes-192-ctr", key: 24, iv: 16 }],
  ["aes256-ctr", { mode: "ctr", algorithm: "aes-256-ctr", key: 32, iv: 16 }],
]);

/** AES. */
const BLOCK = 16;
const TAG = 16;
const LENGTH = 4;

/** Bytes of key and initial vector that a cipher takes. */
export function cipherSizes(name: string): { readonly key: number; readonly iv: number } {
  return kindOf(name);
}

export function hasOwnMac(name: string): boolean {
  return kindOf(name).mode === "gcm";
}

export function createSealer(keys: Keys): Sealer {
  const kind = kindOf(keys.cipher);
  return kind.mode === "gcm" ? new GcmSealer(kind.algorithm, keys) : new CtrSealer(kind.algorithm, keys);
}

export function createOpener(keys: Keys): Opener {
  const kind = kindOf(keys.cipher);
  return kind.mode === "gcm" ? new GcmOpener(kind.algorithm, keys) : new CtrOpener(kind.algorithm, keys);
}

function kindOf(name: string): CipherKind {
  const kind = kinds.get(name);
  if (kind) return kind;
  throw new RangeError(`There is no cipher ${name}.`);
}

/** RFC 5647 section 7.1: four bytes that stay, eight that count the packets. They are used again by no other packet of this key. */
class Nonce {
  readonly bytes: Buffer;

  constructor(iv: Buffer) {
    this.bytes = Buffer.from(iv);
  }

  next(): void {
    const low = (this.bytes.readUInt32BE(8) + 1) >>> 0;
    this.bytes.writeUInt32BE(low, 8);
    if (low === 0) this.bytes.writeUInt32BE((this.bytes.readUInt32BE(4) + 1) >>> 0, 4);
  }
}

class GcmSealer implements Sealer {
  readonly block = BLOCK;
  readonly #algorithm: CipherGCMTypes;
  readonly #key: KeyObject;
  readonly #nonce: Nonce;

  constructor(algorithm: CipherGCMTypes, { key, iv }: Keys) {
    this.#algorithm = algorithm;
    this.#key = createSecretKey(key);
    this.#nonce = new Nonce(iv);
  }

  seal(_: number, length: Buffer, plain: Buffer): readonly [Buffer, Buffer] {
    const cipher = createCipheriv(this.#algorithm, this.#key, this.#nonce.bytes);
    this.#nonce.next();
    cipher.setAAD(length);
    const sealed = cipher.update(plain);
    cipher.final();
    return [sealed, cipher.getAuthTag()];
  }
}

class GcmOpener implements Opener {
  readonly block = BLOCK;
  readonly proof = TAG;
  readonly #algorithm: CipherGCMTypes;
  readonly #key: KeyObject;
  readonly #nonce: Nonce;

  constructor(algorithm: CipherGCMTypes, { key, iv }: Keys) {
    this.#algorithm = algorithm;
    this.#key = createSecretKey(key);
    this.#nonce = new Nonce(iv);
  }

  open(_: number, packet: Buffer): Buffer {
    const end = packet.length - TAG;
    const decipher = createDecipheriv(this.#algorithm, this.#key, this.#nonce.bytes, { authTagLength: TAG });
    this.#nonce.next();
    decipher.setAAD(packet.subarray(0, LENGTH));
    decipher.setAuthTag(packet.subarray(end));
    const plain = decipher.update(packet.subarray(LENGTH, end));
    try {
      decipher.final();
    } catch (cause) {
      throw forged(cause);
    }
    return plain;
  }
}

/** One key stream for all packets of a key (RFC 4344 section 4). */
class CtrSealer implements Sealer {
  readonly block = BLOCK;
  readonly #cipher: Cipheriv;
  readonly #mac: Mac;

  constructor(algorithm: string, { key, iv, mac, macKey }: Keys) {
    this.#cipher = createCipheriv(algorithm, key, iv);
    this.#mac = new Mac(mac, macKey);
  }

  seal(sequence: number, length: Buffer, plain: Buffer): readonly [Buffer, Buffer] {
    const sealed = this.#cipher.update(plain);
    return [sealed, this.#mac.of(sequence, length, sealed)];
  }
}

class CtrOpener implements Opener {
  readonly block = BLOCK;
  readonly proof: number;
  readonly #decipher: Decipheriv;
  readonly #mac: Mac;

  constructor(algorithm: string, { key, iv, mac, macKey }: Keys) {
    this.#decipher = createDecipheriv(algorithm, key, iv);
    this.#mac = new Mac(mac, macKey);
    this.proof = this.#mac.size;
  }

  open(sequence: number, packet: Buffer): Buffer {
    const end = packet.length - this.proof;
    if (!this.#mac.isRight(packet.subarray(end), sequence, packet.subarray(0, end))) throw forged();
    return this.#decipher.update(packet.subarray(LENGTH, end));
  }
}

/** The one error for a packet that was changed, sent twice, left out or made by somebody else. */
export class ForgedPacket extends GatehouseError {
  constructor(cause?: unknown) {
    super("PROTOCOL_VIOLATION", "a packet was not made by the peer", { cause });
  }
}

function forged(cause?: unknown): ForgedPacket {
  return new ForgedPacket(cause);
}
