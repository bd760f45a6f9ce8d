import { createHash } from "node:crypto";
import { Blowfish } from "./blowfish.ts";
import { uint32 } from "./fields.ts";

/** What bcrypt's core encrypts, in place of a block that is known: it is 32 bytes. */
const PLAIN = Buffer.from("OxychromaticBlowfishSwatDynamite");
const EXPANSIONS = 64;
const ENCRYPTIONS = 64;

/**
 * bcrypt_pbkdf of OpenBSD, by which OpenSSH makes a key of a passphrase: PBKDF2 (RFC 8018 section 5.2) with bcrypt's core
 * as its function, and the blocks' bytes dealt out in turn, so that whoever guesses can't leave out a block.
 * @param length in bytes, at most 1024
 * @param rounds one takes some milliseconds for every 32 bytes
 */
export function bcryptPbkdf(
  passphrase: Uint8Array,
  salt: Uint8Array,
  length: number,
  rounds: number,
): Buffer {
  const key = Buffer.alloc(length);
  const blocks = Math.ceil(length / PLAIN.length);
  const hashed = wordsOf(sha512(passphrase));
  for (let block = 0; block < blocks; block++) {
    let last = core(hashed, wordsOf(sha512(Buffer.concat([salt, uint32(block + 1)]))));
    const sum = Buffer.from(last);
    for (let round = 1; round < rounds; round++) {
      last = core(hashed, wordsOf(sha512(last)));
      for (const [index, byte] of last.entries()) sum[index] = (sum[index] ?? 0) ^ byte;
    }
    for (const [index, byte] of sum.entries()) {
      // Past the key's end nothing is kept.
      const place = index * blocks + block;
      if (place < length) key[place] = byte;
    }
  }
  return key;
}

/** The output is little-endian, though all else of it is big-endian. */
function core(passphrase: Uint32Array, salt: Uint32Array): Buffer {
  const cipher = new Blowfish();
  cipher.expand(passphrase, salt);
  for (let count = 0; count < EXPANSIONS; count++) {
    cipher.expand(salt);
    cipher.expand(passphrase);
  }
  const words = wordsOf(PLAIN);
  for (let count = 0; count < ENCRYPTIONS; count++) cipher.encrypt(words);
  const output = Buffer.alloc(PLAIN.length);
  for (const [index, word] of words.entries()) output.writeUInt32LE(word, index * 4);
  return output;
}

function sha512(data: Uint8Array): Buffer {
  return createHash("sha512").update(data).digest();
}

function wordsOf(bytes: Buffer): Uint32Array {
  return Uint32Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readUInt32BE(index * 4));
}
