import { scanSync } from "libpg-query";

const LITERAL = /^(?:(?:[ebxn]|u&)?'|\$(?!\d))/i;
const COMMENT = /^(?:--|\/\*)/;
const LINES_AND_TABS: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d]);

/**
 * The text without what its string literals and comments say. PostgreSQL's own lexer finds them, so that
 * dollar quotes, escapes and continued strings are taken out as the server would read them.
 */
export function redact(text: string): string {
  const bytes = Buffer.from(text, "utf8");
  const parts: string[] = [];
  let at = 0;
  for (const { start, end, token } of tokensOf(bytes)) {
    const replacement = LITERAL.test(token) ? "'***'" : COMMENT.test(token) ? "/* *** */" : undefined;
    if (replacement === undefined) continue;
    parts.push(bytes.toString("utf8", at, start), replacement);
    at = end;
  }
  parts.push(bytes.toString("utf8", at));
  return parts.join("");
}

/**
 * Whether a text is another one to a server whose standard_conforming_strings is off. Up to the first '...' with a
 * backslash in it, both settings make the same tokens (scan.l); E'...' and all other strings are read alike.
 */
export function escapesByBackslash(text: string): boolean {
  if (!text.includes("\\")) return false;
  return tokensOf(Buffer.from(text, "utf8")).some(
    ({ token }) => token.startsWith("'") && token.includes("\\"),
  );
}

/** @param bytes of a text that has been parsed, in UTF-8 */
function tokensOf(bytes: Buffer) {
  // The scanner's answer breaks on control characters. In a text that parses they stand inside literals, names and
  // comments, or are blanks; a blank in their place leaves every token where it is.
  const printable = Buffer.from(
    bytes.map((byte) => (byte < 0x20 && !LINES_AND_TABS.has(byte) ? 0x20 : byte)),
  );
  return scanSync(printable.toString("utf8")).tokens.map(({ start, end }) => ({
    start,
    end,
    token: bytes.toString("utf8", start, end),
  }));
}
