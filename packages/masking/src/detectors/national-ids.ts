import { digitsOf, mod11and10, weighted } from "../check-digits.ts";
import { alone, type Detector, SIX_DIGITS, where } from "../detector.ts";

export const nationalIds: readonly Detector[] = [
  {
    // United States, Social Security number: no check digit. In groups only: nine digits are too much else.
    name: "pii.us_ssn",
    pattern: alone("[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4}"),
    settle: where((found) => isSsn(digitsOf(found))),
    sign: "[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}",
    rough: SIX_DIGITS,
  },
  {
    // Germany, Steuerliche Identifikationsnummer (Abgabenordnung, section 139b).
    name: "pii.de_steuer_id",
    pattern: alone("[1-9][0-9](?: ?[0-9]{3}){3}"),
    settle: where((found) => isSteuerId(digitsOf(found))),
    sign: "[0-9]{2}(?: ?[0-9]{3}){3}",
    rough: SIX_DIGITS,
  },
  {
    // France, numéro d'inscription au répertoire (INSEE): 13 characters and a key of two digits.
    name: "pii.fr_insee",
    pattern: alone(
      "[1-478] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[ABab]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
    ),
    settle: where((found) => isInsee(found.replaceAll(" ", "").toUpperCase())),
    sign: "[0-9](?: ?[0-9]{2}){2} ?[0-9][0-9AB](?: ?[0-9]{3}){2} ?[0-9]{2}",
    rough: SIX_DIGITS,
  },
  {
    // Spain, DNI of residents and NIE of foreigners (Real Decreto 1553/2005).
    name: "pii.es_dni",
    pattern: alone("[0-9]{8}-?[A-Za-z]|[XYZxyz]-?[0-9]{7}-?[A-Za-z]"),
    settle: where((found) => isDni(found.replaceAll("-", "").toUpperCase())),
    sign: "[0-9]{7}-?[A-Z]",
    rough: SIX_DIGITS,
  },
  {
    // Italy, codice fiscale (Decreto ministeriale of 23 December 1976), with letters for digits where two people met.
    name: "pii.it_codice_fiscale",
    pattern: alone(
      "(?i:[A-Z]{6}[0-9LMNPQRSTUV]{2}[ABCDEHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z])",
    ),
    settle: where((found) => isCodiceFiscale(found.toUpperCase())),
    // All but its first letters, which every word has.
    sign: "[0-9L-NP-V]{2}[A-EHLMPRST][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z]",
  },
  {
    // Netherlands, burgerservicenummer.
    name: "pii.nl_bsn",
    pattern: alone(String.raw`[0-9]{9}|[0-9]{4}\.[0-9]{2}\.[0-9]{3}`),
    settle: where((found) => isBsn(digitsOf(found))),
    sign: String.raw`[0-9]{9}|[0-9]{4}\.[0-9]{2}\.[0-9]{3}`,
    rough: SIX_DIGITS,
  },
  {
    // United Kingdom, National Insurance number (HMRC, NIM39110): no check digit.
    name: "pii.uk_nino",
    pattern: alone("(?i:[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D])"),
    settle: where((found) => !/^(?:BG|GB|KN|NK|NT|TN|ZZ)/i.test(found)),
    sign: "[A-Z]{2}(?: ?[0-9]{2}){3} ?[A-D]",
    rough: SIX_DIGITS,
  },
  {
    // Brazil, Cadastro de Pessoas Físicas.
    name: "pii.br_cpf",
    pattern: alone(String.raw`[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}|[0-9]{9}-?[0-9]{2}`),
    settle: where((found) => isCpf(digitsOf(found))),
    sign: String.raw`[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}|[0-9]{9}-?[0-9]{2}`,
    rough: SIX_DIGITS,
  },
];

function isSsn(digits: string): boolean {
  return !/^(?:000|666|9)/.test(digits) && digits.slice(3, 5) !== "00" && !digits.endsWith("0000");
}

/** Of the first ten digits exactly one stands there twice or three times; the last is the check digit. */
function isSteuerId(digits: string): boolean {
  const times = new Map<string, number>();
  for (const digit of digits.slice(0, 10)) times.set(digit, (times.get(digit) ?? 0) + 1);
  const repeated = [...times.values()].filter((count) => count > 1);
  return repeated.length === 1 && (repeated[0] ?? 0) <= 3 && mod11and10(digits);
}

/** Corsica's two departments count as 19 and 18. */
function isInsee(text: string): boolean {
  const number = text.slice(0, 13).replace("2A", "19").replace("2B", "18");
  return 97 - (Number(number) % 97) === Number(text.slice(13));
}

function isDni(text: string): boolean {
  const number = text.slice(0, -1).replace(/^[XYZ]/, (letter) => String("XYZ".indexOf(letter)));
  return "TRWAGMYFPDXBNJZSQVHLCKE"[Number(number) % 23] === text.at(-1);
}

/** What a letter counts at odd places (the first is one), by its place in the alphabet; a digit counts as A to J. */
const ODD = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

function isCodiceFiscale(text: string): boolean {
  let sum = 0;
  for (let i = 0; i < 15; i++) {
    const code = text.charCodeAt(i);
    const place = code <= 57 ? code - 48 : code - 65;
    sum += i % 2 === 0 ? (ODD[place] ?? Number.NaN) : place;
  }
  return String.fromCharCode(65 + (sum % 26)) === text[15];
}

/** The "elfproef". */
function isBsn(digits: string): boolean {
  return !/^0+$/.test(digits) && weighted(digits, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0;
}

/** Two check digits, modulo 11; one digit eleven times would pass, and is nobody's. */
function isCpf(digits: string): boolean {
  const check = (count: number) => {
    const weights = Array.from({ length: count }, (_, i) => count + 1 - i);
    return String(((weighted(digits, weights) * 10) % 11) % 10);
  };
  return !/^([0-9])\1*$/.test(digits) && digits[9] === check(9) && digits[10] === check(10);
}
