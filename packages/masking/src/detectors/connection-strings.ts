import { afterMatch, BLANK, type Detector } from "../detector.ts";
import { isMasked } from "../redacted.ts";
import type { Span } from "../spans.ts";

const IN_URL = String.raw`\b[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s/?#:@"'<>]{0,128}:`;
/** libpq's keywords, ODBC and ADO.NET; and the same in the query of a URL. */
const KEYWORD = String.raw`(?:\b|_)(?i:password|passwd|pwd|accountkey|sharedaccesskey)\s?=\s?`;

/**
 * Of a connection string the password alone is hidden: where it leads to and as whom is what people look for. The
 * pattern has what stands before a password, since a password can be of any length (some are tokens of 2 KB).
 */
export const connectionStrings: Detector = {
  name: "secret.connection_string",
  pattern: `${IN_URL}|${KEYWORD}`,
  settle,
  extent: {
    pattern: [
      String.raw`${IN_URL}[^\s/"'<>]+@`,
      String.raw`${KEYWORD}(?:"[^"]+"|'[^']+'|\{(?:[^}]|\}\})+\})`,
      // What stands behind a semicolon says whether it is the end, and a semicolon whether what stands before it belongs to it.
      String.raw`${KEYWORD}[^\s]+(?:${BLANK}[^;\r\n"'=]{0,200};)?`,
      String.raw`${KEYWORD}[^\s]*;${BLANK}*(?:[A-Za-z][A-Za-z ]{0,40}=|["'])`,
    ].join("|"),
    certain: { pattern: IN_URL, hides: "rest" },
  },
  sign: "://[^/?#:@\"'<> \\t\\r\\n\\f]{0,512}:|password|passwd|pwd|accountkey|sharedaccesskey",
  overLines: {
    head: "(?:password|passwd|pwd|accountkey|sharedaccesskey)[ \\t\\r\\n\\f]?(?:=|$)",
    reach: 9 * 1024,
  },
};

/** RFC 3986, section 3.2.1: a slash is in a password as %2F alone; an @ can be there by mistake. */
const USERINFO = /[^\s/"'<>]{1,8192}(?=@)/y;
/** In double or single quotes, in braces (ODBC), or up to what can't be the middle of it. */
const QUOTED = [/"[^"]{1,8192}(?=")/y, /'[^']{1,8192}(?=')/y, /\{(?:[^}]|\}\}){1,8192}(?=\})/y];
/** A quote or a semicolon ends it where another key, or nothing of its kind, comes behind; blanks do in libpq's form. */
const PLAIN =
  /(?:[^\s;"']|["'](?=[A-Za-z0-9])|;(?!\s*(?:[A-Za-z][A-Za-z ]{0,40}=|["']|$))){1,8192}(?:\s[^;\r\n"'=]{0,200}(?=;))?/y;
const IN_QUERY = /[^\s&#"'<>]{1,8192}/y;
/** What stands for a value that is given elsewhere: `$1`, `${PASSWORD}`, `%s`, `%(password)s`, `?`. */
const PLACEHOLDER = /^(?:\?|\*+|\$[0-9]{1,3}|\$\{[A-Za-z_][A-Za-z0-9_]*\}|%s|%\([A-Za-z_]+\)s)$/;

function settle(text: string, head: Span): Span | undefined {
  const span = passwordBehind(text, head);
  if (span === undefined) return undefined;
  const found = text.slice(span.start, span.end);
  // What was masked before still stands where a password does; and a shell's PWD is a folder.
  const isFolder = found.startsWith("/") && text.slice(head.start, head.end) === "PWD=";
  return isFolder || isMasked(found) || PLACEHOLDER.test(found) ? undefined : span;
}

function passwordBehind(text: string, { start, end }: Span): Span | undefined {
  const until = (last: number | undefined, first = end) =>
    last === undefined ? undefined : { start: first, end: last };
  if (text[end - 1] === ":") return until(afterMatch(USERINFO, text, end));
  if (text[start - 1] === "?" || text[start - 1] === "&") return until(afterMatch(IN_QUERY, text, end));
  for (const quoted of QUOTED) {
    const last = afterMatch(quoted, text, end);
    if (last !== undefined) return until(last, end + 1);
  }
  return until(afterMatch(PLAIN, text, end));
}
