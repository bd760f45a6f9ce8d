/**
 * Whether a text fits a pattern of OpenSSH's (PATTERNS in ssh_config(5)): `*` is any characters, `?` any one.
 * Without regular expressions: the work is bounded by the product of the two lengths.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  let place = 0;
  /** Where to go on after the last `*`, and the first character that it does not cover yet. */
  let after = -1;
  let uncovered = 0;
  for (let index = 0; index < text.length; ) {
    const wanted = pattern[place];
    if (wanted === "*") {
      after = ++place;
      uncovered = index;
    } else if (wanted === "?" || wanted === text[index]) {
      place++;
      index++;
    } else if (after >= 0) {
      place = after;
      index = ++uncovered;
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(place));
}
