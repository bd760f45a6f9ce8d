import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";

/** What a MAC takes and gives, in bytes. */
interface MacKind {
  readonly hash: string;
  readonly size: number;
}

/** Over what is sent, not over what it means ("encrypt then MAC", OpenSSH's PROTOCOL section 1.5): nothing is decrypted unproved. */
const kinds = new Map<string, MacKind>([
  ["hmac-sha2-512-etm@openssh.com", { hash: "sha512", size: 64 }],
  ["hmac-sha2-256-etm@openssh.com", { hash: "sha256", size: 32 }],
]);

export function macKeySize(name: string): number {
  return kindOf(name).size;
}

/** HMAC (RFC 6668) over a packet's number and its bytes. */
export class Mac {
  readonly size: number;
  readonly #hash: string;
  readonly #key: KeyObject;
  readonly #number = Buffer.alloc(4);

  constructor(name: string, key: Buffer) {
    const { hash, size } = kindOf(name);
    this.#hash = hash;
    this.size = size;
    this.#key = createSecretKey(key);
  }

  of(sequence: number, ...parts: readonly Buffer[]): Buffer {
    this.#number.writeUInt32BE(sequence);
    const hmac = createHmac(this.#hash, this.#key).update(this.#number);
    for (const part of parts) hmac.update(part);
    return hmac.digest();
  }

  /** In a time that does not tell where the two differ. */
  isRight(shown: Buffer, sequence: number, packet: Buffer): boolean {
    return timingSafeEqual(shown, this.of(sequence, packet));
  }
}

function kindOf(name: string): MacKind {
  const kind = kinds.get(name);
  if (kind) return kind;
  throw new RangeError(`There is no MAC ${name}.`);
}
