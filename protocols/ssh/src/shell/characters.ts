import { unclear } from "./tree.ts";

/*
 * Which bytes a line may have. The target's locale is not known, and a client may be let set it (LANG by an env request),
 * so a text has to be read the same in UTF-8, in single-byte encodings, and in those whose second bytes look like ASCII
 * (GBK, Big5, Shift_JIS: a lead byte swallows a backslash, a pipe or a brace behind it).
 */

/** Bytes of a line. sshd itself takes 256 KiB in one packet at the most. */
export const LONGEST = 256 * 1024;

/** ASCII from 0x40 up that means something to a shell, and can be the second byte of a character. */
// biome-ignore lint/complexity/useRegexLiterals: said by name, since the characters are hard to see.
const swallowed = new RegExp("[^\\x00-\\x7f][\\\\`|{}\\[\\]~^]", "u");

/** The line as text. @throws Unclear for bytes that shells read differently. */
export function decode(line: Buffer): string {
  if (line.length > LONGEST) unclear("The line is longer than 256 KiB.");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line);
  } catch {
    return unclear("It is not UTF-8.");
  }
  check(text);
  return text;
}

/** Looks at the characters of a text: of the line, or of one that a program is given to run. @throws Unclear */
export function check(text: string): void {
  // A NUL ends the line for sshd, a carriage return is a part of a word, and others are blanks in some locales.
  if (/[^\t\n\x20-\x7e\u0080-\u{10ffff}]|[\u0080-\u009f]/u.test(text)) unclear("It has control characters.");
  if (swallowed.test(text))
    unclear("A character that is not ASCII stands right before one that shells know.");
}

/**
 * Whether a character that is not ASCII may stand outside of quotes: a letter or a digit that has no byte which is
 * a blank in a single-byte encoding (0xA0, 0x85), at which BSD's libc splits words.
 */
export function isPlainLetter(character: string): boolean {
  const bytes = Buffer.from(character);
  return /^[\p{L}\p{N}\p{M}]$/u.test(character) && !bytes.includes(0xa0) && !bytes.includes(0x85);
}
