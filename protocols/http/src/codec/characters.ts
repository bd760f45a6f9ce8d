/** Classes of characters, by their code (RFC 9110, section 5.6.2; RFC 5234, appendix B.1). */
const TOKEN = 1;
const VALUE = 2;
const TARGET = 4;

const classes = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  classes[char.charCodeAt(0)] = TOKEN;
}
for (let code = 0x20; code < 0x100; code++) {
  // No DEL; above it are bytes that nobody may give a meaning to, and everybody hands on (obs-text).
  if (code !== 0x7f) classes[code] = (classes[code] ?? 0) | VALUE;
}
classes[0x09] = VALUE;
// What is not a URI's, and what servers read as something else: a fragment, and the backslash that some take for a slash.
for (let code = 0x21; code < 0x7f; code++) {
  if (!'#\\"<>^`'.includes(String.fromCharCode(code))) classes[code] = (classes[code] ?? 0) | TARGET;
}

/** Whether it is a token: a method, or the name of a field. */
export function isToken(text: string): boolean {
  return text !== "" && isAll(text, TOKEN);
}

/** Whether it may be a field's value: a tab and what can be seen, and no other control character. */
export function isFieldValue(text: string): boolean {
  return isAll(text, VALUE);
}

/** Whether it may be a request's target: the characters of a URI, and `[]{|}`, which clients send as they are. */
export function isTarget(text: string): boolean {
  return text !== "" && isAll(text, TARGET);
}

/** @param text of which each unit is a byte */
function isAll(text: string, kind: number): boolean {
  for (let at = 0; at < text.length; at++) {
    if (((classes[text.charCodeAt(at)] ?? 0) & kind) === 0) return false;
  }
  return true;
}
