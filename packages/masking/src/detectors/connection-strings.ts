import type { Detector } from "../detector.ts";
import { isMasked } from "../redacted.ts";
import type { Span } from "../spans.ts";

/** Of a connection string the password alone is hidden: where it leads to and as whom is what people look for. */
export const connectionStrings: Detector = {
  name: "secret.connection_string",
  pattern: [
    // RFC 3986, section 3.2.1: no slash is in a password that is not written as %2F; an @ can be by mistake.
    String.raw`\b[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s/?#:@"'<>]{0,128}:([^\s/"'<>]{1,256})@`,
    // libpq's keywords, ODBC and ADO.NET.
    String.raw`\b(?i:password|passwd|pwd|accountkey|sharedaccesskey)\s?=\s?(?:"([^"]{1,256})"|'([^']{1,256})'|([^\s;,&"']{1,256}))`,
  ].join("|"),
  settle,
};

/** `PWD=/home/ada` of a shell, and what stands for a value that is given elsewhere: `$1`, `${PASSWORD}`, `%s`, `<password>`. */
const PLACEHOLDER = /^(?:[/~].*|\?|\*+|\$[A-Za-z0-9_]+|[$#%]?\{+[^{}]*\}+|%\(?[A-Za-z_]*\)?s|<[^<>]*>)$/;
/** In ODBC and ADO.NET a password goes on up to the semicolon, with its blanks. */
const UP_TO_SEMICOLON = /^(?:\s[^;\r\n"'=]{0,200})(?=;)/;

function settle(text: string, { start, end }: Span): Span | undefined {
  const found = text.slice(start, end);
  // What was masked before still stands where a password does.
  if (isMasked(found) || PLACEHOLDER.test(found)) return undefined;
  const [more = ""] = UP_TO_SEMICOLON.exec(text.slice(end, end + 256)) ?? [];
  return { start, end: end + more.length };
}
