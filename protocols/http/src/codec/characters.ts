/*
 * Classes of characters (RFC 9110, section 5.6.2; RFC 5234, appendix B.1), in texts of which each unit is a byte. Expressions, since a loop
 * over the characters takes several times as long.
 */

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** No DEL; above it are bytes that nobody may give a meaning to, and everybody hands on (obs-text). */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** What is not a URI's, and what servers read as something else, is none: a fragment, and the backslash that some take for a slash. */
const TARGET = /^[^\0-\x20"#<>\\^`\x7f-\uffff]+$/;

/** Whether it is a token: a method, or the name of a field. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** Whether it may be a field's value: a tab and what can be seen, and no other control character. */
export function isFieldValue(text: string): boolean {
  return VALUE.test(text);
}

/** Whether it may be a request's target: the characters of a URI, and `[]{|}`, which clients send as they are. */
export function isTarget(text: string): boolean {
  return TARGET.test(text);
}
