import { digitsOf, luhn, mod97 } from "../check-digits.ts";
import { alone, type Detector, SIX_DIGITS, where } from "../detector.ts";
import type { Span } from "../spans.ts";

export const payments: readonly Detector[] = [
  {
    name: "pii.card",
    pattern: alone(
      [
        "[0-9]{12,19}",
        "[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}[ -][0-9]{1,4}(?:[ -][0-9]{1,3})?",
        "[0-9]{4}[ -][0-9]{6}[ -][0-9]{4,5}",
      ].join("|"),
    ),
    settle: where((found) => isCard(digitsOf(found))),
    sign: "[0-9](?:[ -]?[0-9]){11}",
    rough: SIX_DIGITS,
  },
  {
    // The head alone: how long it is says the country.
    name: "pii.iban",
    pattern: String.raw`(?:\b|_)([A-Za-z]{2}[0-9]{2}[ -]?[A-Za-z0-9])`,
    settle: iban,
    // Of the longest, and one character that says where it ends.
    extent: {
      pattern: String.raw`(?:\b|_)[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}`,
    },
    sign: "[0-9]{2}(?:[ -]?[A-Z0-9]){11}",
  },
];

/** First digits from and to, and how long such numbers are. As the schemes publish them; ISO/IEC 7812 has no list. */
const ISSUERS: readonly (readonly [from: string, to: string, lengths: readonly number[]])[] = [
  ["4", "4", [13, 16, 19]],
  ["51", "55", [16]],
  ["2221", "2720", [16]],
  ["34", "34", [15]],
  ["37", "37", [15]],
  ["6011", "6011", [16, 17, 18, 19]],
  ["644", "659", [16, 17, 18, 19]],
  ["62", "62", [16, 17, 18, 19]],
  ["3528", "3589", [16, 17, 18, 19]],
  ["300", "305", [14, 15, 16, 17, 18, 19]],
  ["3095", "3095", [14, 15, 16, 17, 18, 19]],
  ["36", "36", [14, 15, 16, 17, 18, 19]],
  ["38", "39", [14, 15, 16, 17, 18, 19]],
  ["5018", "5018", [12, 13, 14, 15, 16, 17, 18, 19]],
  ["5020", "5020", [12, 13, 14, 15, 16, 17, 18, 19]],
  ["5038", "5038", [12, 13, 14, 15, 16, 17, 18, 19]],
  ["5893", "5893", [12, 13, 14, 15, 16, 17, 18, 19]],
  ["6304", "6304", [12, 13, 14, 15, 16, 17, 18, 19]],
  ["6759", "6763", [12, 13, 14, 15, 16, 17, 18, 19]],
  ["2200", "2204", [16, 17, 18, 19]],
  ["60", "60", [16]],
  ["508", "508", [16]],
  ["81", "82", [16]],
];

function isCard(digits: string): boolean {
  const issued = ISSUERS.some(([from, to, lengths]) => {
    const first = digits.slice(0, from.length);
    return first >= from && first <= to && lengths.includes(digits.length);
  });
  return issued && luhn(digits);
}

/** Characters of an IBAN by country, from the registry that SWIFT keeps for ISO 13616. */
const IBAN_LENGTHS: Readonly<Record<string, readonly string[]>> = {
  15: ["NO"],
  16: ["BE"],
  18: ["DK", "FI", "FK", "FO", "GL", "NL", "SD"],
  19: ["MK", "SI"],
  20: ["AT", "BA", "EE", "KZ", "LT", "LU", "MN", "XK"],
  21: ["CH", "HR", "LI", "LV"],
  22: ["BG", "BH", "CR", "DE", "GB", "GE", "IE", "ME", "RS", "VA"],
  23: ["AE", "GI", "IL", "IQ", "OM", "SO", "TL"],
  24: ["AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"],
  25: ["LY", "PT", "ST"],
  26: ["IS", "TR"],
  27: ["BI", "DJ", "FR", "GR", "IT", "MC", "MR", "SM"],
  28: ["AL", "AZ", "BY", "CY", "DO", "GT", "HN", "HU", "LB", "NI", "PL", "SV"],
  29: ["BR", "EG", "PS", "QA", "UA"],
  30: ["JO", "KW", "MU", "YE"],
  31: ["MT", "SC"],
  32: ["LC"],
  33: ["RU"],
};
const LENGTH_OF = new Map(
  Object.entries(IBAN_LENGTHS).flatMap(([length, countries]) =>
    countries.map((country) => [country, Number(length)] as const),
  ),
);
/** With a blank or a dash before every character but the first. */
const MAX_WRITTEN = 68;

function iban(text: string, { start }: Span): Span | undefined {
  const length = LENGTH_OF.get(text.slice(start, start + 2).toUpperCase());
  if (length === undefined) return undefined;
  const written = text.slice(start, start + MAX_WRITTEN);
  let at = 0;
  for (let letters = 0; letters < length; letters++) {
    if (letters > 0 && (written[at] === " " || written[at] === "-")) at++;
    if (!isLetter(written.charCodeAt(at++))) return undefined;
  }
  if (isLetter(written.charCodeAt(at))) return undefined;
  const letters = written.slice(0, at).replaceAll(/[ -]/g, "").toUpperCase();
  return mod97(letters.slice(4) + letters.slice(0, 4)) === 1 ? { start, end: start + at } : undefined;
}

/** Of ASCII, or a digit. There is none behind the end, where the code is NaN. */
function isLetter(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
}
