import { scanSync } from "libpg-query";

const LITERAL = /^(?:(?:[ebxn]|u&)?'|\$(?!\d))/i;
const COMMENT = /^(?:--|\/\*)/;

/**
 * The text without what its string literals and comments say. PostgreSQL's own lexer finds them, so that
 * dollar quotes, escapes and continued strings are taken out as the server would read them.
 */
export function redact(text: string): string {
  const bytes = Buffer.from(text, "utf8");
  const parts: string[] = [];
  let at = 0;
  for (const { start, end } of scanSync(text).tokens) {
    const token = bytes.toString("utf8", start, end);
    const replacement = LITERAL.test(token) ? "'***'" : COMMENT.test(token) ? "/* *** */" : undefined;
    if (replacement === undefined) continue;
    parts.push(bytes.toString("utf8", at, start), replacement);
    at = end;
  }
  parts.push(bytes.toString("utf8", at));
  return parts.join("");
}
