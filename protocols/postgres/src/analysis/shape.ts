/** Stand for a literal; a text that holds them itself has no shape. */
const NUMBER = "\u0001";
const STRING = "\u0002";

/** What a character may begin, by its code; from 128 on, PostgreSQL's lexer takes each for a letter. */
const OTHER = 0;
const LETTER = 1;
const DIGIT = 2;
const QUOTE = 3;
const DOUBLE_QUOTE = 4;
const DASH = 5;
const SLASH = 6;
const DOLLAR = 7;
const DOT = 8;
const UNSURE = 9;
const KINDS = Uint8Array.from({ length: 128 }, (_, code) => kindOf(String.fromCharCode(code)));

/** More digits may be too large for an integer, and are read as another kind of literal. */
const MAX_DIGITS = 9;

/**
 * The text with its plain integers and '...' strings taken out: texts of one shape are the same tokens to
 * PostgreSQL's lexer but for the values of these literals. All else stands in it as it was written.
 *
 * It runs for every command, so it is one pass, and it gives up (undefined) on whatever takes more than a look to
 * be sure of: escapes, prefixed and dollar-quoted strings, other numbers, nested comments, what is not closed.
 */
export function shapeOf(text: string): string | undefined {
  // It escapes or does not, by a setting of the session's.
  if (text.includes("\\")) return undefined;
  const end = text.length;
  let shape = "";
  let copied = 0;
  let at = 0;
  while (at < end) {
    switch (kindAt(text, at)) {
      case OTHER:
        at++;
        break;
      case LETTER:
        at = endOfWord(text, at);
        // E'', B'', X'', N'', U&'' and U&"": a prefix says how to read what is behind it.
        if (isQuote(text, at) || (text.charCodeAt(at) === 0x26 && isQuote(text, at + 1))) return undefined;
        break;
      case DIGIT: {
        const start = at;
        while (kindAt(text, at) === DIGIT) at++;
        if (at - start > MAX_DIGITS || continuesNumber(text, at)) return undefined;
        shape += text.slice(copied, start) + NUMBER;
        copied = at;
        break;
      }
      case QUOTE: {
        const start = at;
        at = endOfQuoted(text, at, "'", 0x27);
        if (at === 0) return undefined;
        shape += text.slice(copied, start) + STRING;
        copied = at;
        break;
      }
      case DOUBLE_QUOTE:
        at = endOfQuoted(text, at, '"', 0x22);
        if (at === 0) return undefined;
        break;
      case DASH:
        at = text.charCodeAt(at + 1) === 0x2d ? endOfLine(text, at + 2) : at + 1;
        break;
      case SLASH:
        if (text.charCodeAt(at + 1) !== 0x2a) {
          at++;
          break;
        }
        at = endOfComment(text, at + 2);
        if (at === 0) return undefined;
        break;
      case DOLLAR:
        // $1 is a parameter; anything else may open a dollar quote.
        at++;
        if (kindAt(text, at) !== DIGIT) return undefined;
        while (kindAt(text, at) === DIGIT) at++;
        if (continuesNumber(text, at)) return undefined;
        break;
      case DOT:
        at++;
        if (kindAt(text, at) === DIGIT) return undefined;
        break;
      default:
        return undefined;
    }
  }
  return copied === 0 ? text : shape + text.slice(copied);
}

function kindOf(character: string): number {
  if (/[a-z_]/i.test(character)) return LETTER;
  if (/\d/.test(character)) return DIGIT;
  if (/[^\t\n\f\r -~]/.test(character)) return UNSURE;
  const named = { "'": QUOTE, '"': DOUBLE_QUOTE, "-": DASH, "/": SLASH, $: DOLLAR, ".": DOT };
  return Object.entries(named).find(([one]) => one === character)?.[1] ?? OTHER;
}

/** Behind the end of the text there is nothing that could go on. */
function kindAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code < 128 ? (KINDS[code] ?? UNSURE) : code >= 128 ? LETTER : OTHER;
}

function isQuote(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 0x27 || code === 0x22;
}

function endOfWord(text: string, at: number): number {
  for (;;) {
    const kind = kindAt(text, at);
    if (kind !== LETTER && kind !== DIGIT && kind !== DOLLAR) return at;
    at++;
  }
}

/** 1.5, 1e5, 0x1F, 1_000, 1$: more of a number, or an error that a later version may have made a number. */
function continuesNumber(text: string, at: number): boolean {
  const kind = kindAt(text, at);
  return kind === LETTER || kind === DOT || kind === DOLLAR;
}

/** Behind the closing quote, with doubled ones passed over; 0 where there is none. */
function endOfQuoted(text: string, opening: number, quote: string, code: number): number {
  for (let at = opening + 1; ; at += 2) {
    at = text.indexOf(quote, at);
    if (at < 0) return 0;
    if (text.charCodeAt(at + 1) !== code) return at + 1;
  }
}

function endOfLine(text: string, at: number): number {
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x0a || code === 0x0d) return at;
  }
  return at;
}

/** Behind the comment; 0 where it is not closed, or holds another. */
function endOfComment(text: string, at: number): number {
  const end = text.indexOf("*/", at);
  if (end < 0 || text.slice(at, end + 1).includes("/*")) return 0;
  return end + 2;
}
