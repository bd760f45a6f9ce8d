/** What stands for a value of which nothing is left. No detector takes it for something. */
export const REDACTED = "[redacted]";

/** Hexadecimal digits of a hash: 128 bits, so that two values of one column don't meet by chance. */
export const HASH_DIGITS = 32;

const TRANSFORMED = /^(?:\[redacted\]|\[hash:[0-9a-f]+\]|.?\*\*\*)$/u;

/** By its form it is what a transform made of a value. */
export function isMasked(text: string): boolean {
  return TRANSFORMED.test(text);
}
