import { afterMatch, BLANK, type Detector } from "../detector.ts";
import type { Span } from "../spans.ts";

const JWT_HEAD = String.raw`\beyJ[A-Za-z0-9_-]{6}`;
const KEY_HEAD = "-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----";
/** KEY_BEGINS in RE2's form, of any length. */
const KEY_BODY = String.raw`(?:${BLANK}|\\[nr]|[A-Za-z-]{1,30}: [^\r\n\\]{1,100}(?:[\r\n]|\\[nr]))*[A-Za-z0-9+/=]{16}`;

/** Keys and tokens that hold more than one line or carry something readable, and so can be looked into. */
export const keys: readonly Detector[] = [
  {
    // PEM (RFC 7468, and OpenSSL's and OpenSSH's own labels), and PGP's armour.
    name: "secret.private_key",
    pattern: KEY_HEAD,
    settle: privateKey,
    sign: "-----BEGIN ",
    overLines: {
      head: KEY_HEAD,
      reach: 33 * 1024,
      over: endOfKey,
    },
    // Without its last line it has no end: nobody could tell what comes behind from more of it.
    extent: {
      pattern: `${KEY_HEAD}${KEY_BODY}(?:-{0,4}[^-])*(?:-----END [A-Z0-9 ]{1,60}-----)?`,
      certain: { pattern: KEY_HEAD, hides: "all" },
    },
  },
  {
    // RFC 7519: `eyJ` is how `{"` begins in base64url.
    name: "secret.jwt",
    pattern: JWT_HEAD,
    settle: jwt,
    sign: "eyJ",
    extent: {
      pattern: String.raw`\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_.-]{8,}`,
      certain: { pattern: JWT_HEAD, hides: "all" },
    },
  },
];

/** Longer than any key that people use (RSA with 16384 bits has 12 KB). */
const MAX_KEY = 32 * 1024;
/** Line ends, written out as in JSON too, and headers such as `Proc-Type:`; then what no sentence about keys has. */
const KEY_BEGINS =
  /(?:\s|\\[nr]|[A-Za-z-]{1,30}: [^\r\n\\]{1,100}(?:[\r\n]|\\[nr])){0,50}[A-Za-z0-9+/=]{16}/y;
const KEY_GOES_ON = /(?:[A-Za-z0-9+/=\s]|\\[nr]){0,32768}/y;
const KEY_ENDS = /^-----END [A-Z0-9 ]{1,60}-----/;

/** With its end, or as far as it goes: a key whose last lines were cut off may still be enough. */
function privateKey(text: string, { start, end }: Span): Span | undefined {
  const body = afterMatch(KEY_BEGINS, text, end);
  if (body === undefined) return undefined;
  return { start, end: endOfKey(text, end) ?? afterMatch(KEY_GOES_ON, text, body) ?? body };
}

/** Behind the first line that ends a key. */
function endOfKey(text: string, from: number): number | undefined {
  const rest = text.slice(from, from + MAX_KEY);
  const foot = rest.indexOf("-----END ");
  const [line] = foot === -1 ? [] : (KEY_ENDS.exec(rest.slice(foot, foot + 80)) ?? []);
  return line === undefined ? undefined : from + foot + line.length;
}

/** A header can have the whole chain of a certificate in it (`x5c`). */
const MAX_HEADER = 4096;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
const PARTS = /[A-Za-z0-9_.-]{8,65536}/y;

/** A header that says how the token is signed, and all that hangs on it by dots: a payload alone is personal enough. */
function jwt(text: string, { start }: Span): Span | undefined {
  const header = text.slice(start, start + MAX_HEADER);
  const dot = header.indexOf(".");
  if (dot === -1 || !saysAlgorithm(header.slice(0, dot))) return undefined;
  const end = afterMatch(PARTS, text, start + dot + 1);
  return end === undefined ? undefined : { start, end };
}

/** Whether it is base64url of an object with an `alg`. Not parsed: a text that begins many such headers would cost too much. */
function saysAlgorithm(header: string): boolean {
  return BASE64URL.test(header) && Buffer.from(header, "base64url").includes('"alg"');
}
