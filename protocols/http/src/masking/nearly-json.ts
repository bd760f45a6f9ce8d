/** What stands for other characters in JSON does so for readers of what is none, too: `42["message","anna\u0040example.com"]`. */
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|([^u]))/g;
const CONTROLS: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** A text as it is to those who take it for JSON, though it is none to the letter: with `NaN` in it, or a sign before it. */
export function withoutEscapes(text: string): string {
  return text.replace(ESCAPE, (_, digits?: string, other: string = "") =>
    digits === undefined ? (CONTROLS[other] ?? other) : String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
