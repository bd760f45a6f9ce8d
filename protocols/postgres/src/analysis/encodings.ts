import { isAscii, isUtf8 } from "node:buffer";

/** Bytes -> the text that they are, exactly as the server reads them; undefined where they are none. */
export type Decode = (bytes: Buffer) => string | undefined;

/** PostgreSQL's encodings of one byte a character, by the label that WHATWG has for each. */
const SINGLE_BYTE: readonly (readonly [string, string])[] = [
  ...[1, 2, 3, 4, 9, 10, 13, 14, 15, 16].map(
    (part, index) => [`LATIN${index + 1}`, `iso-8859-${part}`] as const,
  ),
  ...[5, 6, 7, 8].map((part) => [`ISO_8859_${part}`, `iso-8859-${part}`] as const),
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8].map((page) => [`WIN125${page}`, `windows-125${page}`] as const),
  ["WIN866", "ibm866"],
  ["WIN874", "windows-874"],
  ["KOI8R", "koi8-r"],
  ["KOI8U", "koi8-u"],
];

/** WHATWG reads ISO 8859-1 and -9 as the Windows pages that are like them, where these bytes are no controls. */
const CONTROLS = new Map(
  Array.from({ length: 32 }, (_, index) => [128 + index, String.fromCharCode(128 + index)] as const),
);

/** Bytes that are another character to PostgreSQL than to WHATWG. */
const DIFFERING: ReadonlyMap<string, ReadonlyMap<number, string>> = new Map([
  ["LATIN1", CONTROLS],
  ["LATIN5", CONTROLS],
  [
    "KOI8U",
    new Map([
      [0xae, "╝"],
      [0xbe, "╬"],
    ]),
  ],
]);

/** Other names, as PostgreSQL has them (encnames.c). */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["unicode", "UTF8"],
  ["koi8", "KOI8R"],
  ["alt", "WIN866"],
  ["windows866", "WIN866"],
  ["win", "WIN1251"],
  ...["abc", "tcvn", "tcvn5712", "vscii"].map((alias) => [alias, "WIN1258"] as const),
  ...SINGLE_BYTE.filter(([, label]) => /^(iso|windows)-/.test(label)).map(
    ([name, label]) => [plain(label), name] as const,
  ),
]);

const decoders: ReadonlyMap<string, Decode> = new Map(
  [
    ["UTF8", (bytes: Buffer) => (isUtf8(bytes) ? bytes.toString("utf8") : undefined)] as const,
    // The server does not look at the bytes: only what is ASCII is sure to be the same to both.
    ["SQL_ASCII", (bytes: Buffer) => (isAscii(bytes) ? bytes.toString("latin1") : undefined)] as const,
    ...SINGLE_BYTE.map(([name, label]) => [name, singleByte(label, DIFFERING.get(name))] as const),
  ].map(([name, decode]) => [plain(name), decode]),
);

/**
 * How to read a client's bytes in an encoding, which may be named in any way that PostgreSQL takes: in any case, with
 * any punctuation. undefined for a name that is not known, and for the encodings that are not read here: those of
 * several bytes, in some of which a byte of a character looks like a quote.
 */
export function decoderOf(encoding: string): Decode | undefined {
  const asked = plain(encoding);
  return decoders.get(plain(ALIASES.get(asked) ?? asked));
}

/** What PostgreSQL compares of an encoding's name. */
function plain(name: string): string {
  return name.replace(/[^a-z0-9]/gi, "").toLowerCase();
}

function singleByte(label: string, differing: ReadonlyMap<number, string> = new Map()): Decode {
  const whatwg = new TextDecoder(label, { fatal: true });
  const corrected = new Map(
    [...differing].map(([byte, character]) => [whatwg.decode(Uint8Array.of(byte)), character]),
  );
  return (bytes) => {
    try {
      const text = whatwg.decode(bytes);
      return corrected.size === 0
        ? text
        : Array.from(text, (character) => corrected.get(character) ?? character).join("");
    } catch {
      return undefined;
    }
  };
}
