import { digitsOf } from "../check-digits.ts";
import { type Detector, SIX_DIGITS, where } from "../detector.ts";
import type { Span } from "../spans.ts";

/** `logo@2x.png` is an image. */
const FILE = /\.(?:png|jpe?g|gif|svg|webp|avif)$/i;
const DATE = /^[0-9]{2}[./-][0-9]{2}[./-][0-9]{4}/;

/** Of ASCII alone: it is its own sign. */
const PHONE = [
  String.raw`(?:\+|\b00[ -]?)[1-9](?:[ ().\-/]{0,2}[0-9]){6,14}\b`,
  String.raw`(?:\([2-9][0-9]{2}\) ?|\b[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}\b`,
  String.raw`\(0[1-9][0-9]{0,4}\)(?:[ ./-]?[0-9]){4,10}\b`,
  String.raw`\b0[1-9](?:[ ./-]?[0-9]){7,9}\b`,
].join("|");

export const contacts: readonly Detector[] = [
  {
    // RFC 5322 with letters of any script (RFC 6531), and a domain that can be on the Internet. Without the signs that
    // stand beside addresses rather than in them: `mail=ada@example.com&x=1`.
    name: "pii.email",
    pattern: String.raw`(?:[\p{L}\p{N}_%+-][\p{L}\p{N}\p{M}_%+'.-]*|"[^"\r\n]{1,64}")@[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}.-]*[\p{L}\p{N}\p{M}])?\.(?:\p{L}{2,63}|xn--[a-z0-9-]{1,59})`,
    settle: where((found) => !FILE.test(found)),
    sign: "@",
  },
  {
    // E.164 with + or 00; North America's ten digits; and national numbers with their leading 0, where they are
    // written in groups: digits without any sign that they are a telephone's are more often something else.
    name: "pii.phone",
    pattern: PHONE,
    settle: phone,
    sign: PHONE,
    rough: SIX_DIGITS,
  },
];

function phone(text: string, candidate: Span): Span | undefined {
  const found = text.slice(candidate.start, candidate.end);
  if (found.startsWith("+") || found.startsWith("00")) {
    // `12+34567890` is a sum.
    return digitsOf(found).length >= 8 && !/[0-9A-Za-z]/.test(text[candidate.start - 1] ?? "")
      ? candidate
      : undefined;
  }
  return /[ ().\-/]/.test(found) && !DATE.test(found) ? candidate : undefined;
}
