import { randomFillSync } from "node:crypto";

/** Bytes of a key. */
export const KEY_SIZE = 4;
/** Below this, a word at a time costs more than it saves. */
const SHORT = 32;

/** Keys that are drawn at once: of each by itself, the call costs more than a small frame does. */
const pool = Buffer.alloc(KEY_SIZE * 512);
let next = pool.length;

/** A key that nobody can foresee (RFC 6455, section 10.3); good until the next is asked for. */
export function nextKey(): Buffer {
  if (next === pool.length) {
    randomFillSync(pool);
    next = 0;
  }
  next += KEY_SIZE;
  return pool.subarray(next - KEY_SIZE, next);
}

/**
 * Masks bytes, or unmasks them, where they lie (section 5.3).
 * @param passed how many bytes of the same payload came before them
 */
export function applyKey(bytes: Buffer, key: Buffer, passed: number): void {
  let at = 0;
  const { length } = bytes;
  if (length >= SHORT) {
    // Up to where a word begins in memory.
    for (const start = -bytes.byteOffset & 3; at < start; at++) flip(bytes, key, at, passed);
    const turned = Buffer.alloc(KEY_SIZE);
    for (let index = 0; index < KEY_SIZE; index++) turned[index] = key[(index + at + passed) & 3] ?? 0;
    const word = new Uint32Array(turned.buffer, turned.byteOffset, 1)[0] ?? 0;
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + at, (length - at) >>> 2);
    for (let index = 0; index < words.length; index++) words[index] = (words[index] ?? 0) ^ word;
    at += words.length * KEY_SIZE;
  }
  for (; at < length; at++) flip(bytes, key, at, passed);
}

function flip(bytes: Buffer, key: Buffer, at: number, passed: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ (key[(at + passed) & 3] ?? 0);
}
