import { bodyForms, SHORT } from "./body-forms.ts";

const REDACTED = "redacted";

/** Takes secrets out of what a target says: one that repeats what it was sent would tell the client. */
export class Redactor {
  readonly #secrets: readonly string[];
  #forms: readonly Buffer[] | undefined;
  /** Each as bytes that a text may hold. */
  readonly #plain: readonly string[];
  readonly #pattern: RegExp | undefined;
  /** What is shorter holds none of them, in whatever form. */
  readonly #shortest: number;

  constructor(secrets: readonly string[]) {
    const known = [...new Set(secrets)].filter((secret) => secret !== "");
    this.#secrets = known;
    this.#plain = known.map(asBytes);
    const forms = new Set(known.flatMap(formsOf));
    // The longest first: a secret may begin as another one does.
    const parts = [...forms].sort((a, b) => b.length - a.length).map(patternOf);
    this.#pattern = parts.length === 0 ? undefined : new RegExp(parts.join("|"), "g");
    this.#shortest = Math.min(...[...forms].map(({ length }) => length));
  }

  /** What to look for in a body. */
  get forms(): readonly Buffer[] {
    this.#forms ??= bodyForms(this.#secrets);
    return this.#forms;
  }

  /** Whether it holds one, in whatever form. @param text of which each unit is a byte */
  finds(text: string): boolean {
    return this.redact(text) !== text;
  }

  /** @param text of which each unit is a byte */
  redact(text: string): string {
    if (this.#pattern === undefined || text.length < this.#shortest) return text;
    const redacted = text.replace(this.#pattern, REDACTED);
    if (!redacted.includes("%")) return redacted;
    // Encoded in a way of its own (`%61`, or twice): what holds it goes as a whole.
    let decoded = redacted;
    for (let times = 0; times < 2; times++) {
      decoded = decoded.replace(/%([0-9a-fA-F]{2})/g, (_, digits: string) =>
        String.fromCharCode(Number.parseInt(digits, 16)),
      );
    }
    return this.#plain.some((secret) => holds(decoded, secret)) ? REDACTED : redacted;
  }
}

function formsOf(secret: string): readonly string[] {
  const uri = encodeURIComponent(secret);
  const base64 = Buffer.from(secret, "utf8").toString("base64").replace(/=+$/, "");
  const forms = [
    asBytes(secret),
    uri,
    uri.replaceAll("%20", "+"),
    asBytes(JSON.stringify(secret).slice(1, -1)),
  ];
  // Of a short one the encoded form is short as well, and the beginning of many others'.
  return secret.length < SHORT ? forms : [...forms, base64, base64.replaceAll("+", "-").replaceAll("/", "_")];
}

function asBytes(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

function holds(text: string, secret: string): boolean {
  return secret.length < SHORT ? new RegExp(patternOf(secret)).test(text) : text.includes(secret);
}

function patternOf(form: string): string {
  const literal = form.replace(
    /[^A-Za-z0-9]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return form.length < SHORT ? `(?<![A-Za-z0-9])${literal}(?![A-Za-z0-9])` : literal;
}
