import { isUtf8 } from "node:buffer";
import type { FactValue } from "@gatehouse/core";

/** Objects and lists in one another. */
const DEEPEST = 64;
/** Values of one body: each may be looked at by each rule. */
const MOST = 100_000;

const BLANKS = /[\t\n\r ]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;

const BLANK = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

class Unreadable extends Error {}

/**
 * Reads JSON that all readers read alike (RFC 8259, and the limits of RFC 7493, I-JSON): no name twice in an object, no half of a
 * surrogate pair, no number that a double does not hold, no byte order mark.
 * @returns undefined where it is something else, or too deep or too much to be looked at
 */
export function readJson(bytes: Buffer): { readonly value: FactValue } | undefined {
  if (!isUtf8(bytes)) return undefined;
  try {
    return { value: new Reader(bytes.toString("utf8")).read() };
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

class Reader {
  readonly #text: string;
  #at = 0;
  #count = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): FactValue {
    const value = this.#value(0);
    if (this.#at !== this.#text.length) throw new Unreadable();
    return value;
  }

  /** With the blanks around it. */
  #value(depth: number): FactValue {
    this.#take(BLANKS);
    this.#count++;
    if (depth > DEEPEST || this.#count > MOST) throw new Unreadable();
    const value = this.#bare(depth);
    this.#take(BLANKS);
    return value;
  }

  #bare(depth: number): FactValue {
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#list(depth);
      case '"':
        return this.#string();
      case "t":
      case "f":
      case "n":
        return wordOf(this.#take(WORD));
      default:
        return numberOf(this.#take(NUMBER));
    }
  }

  #object(depth: number): FactValue {
    const members = new Map<string, FactValue>();
    this.#at++;
    this.#take(BLANKS);
    if (this.#skip("}")) return {};
    do {
      this.#take(BLANKS);
      const name = this.#string();
      this.#take(BLANKS);
      if (members.has(name) || !this.#skip(":")) throw new Unreadable();
      members.set(name, this.#value(depth + 1));
    } while (this.#skip(","));
    if (!this.#skip("}") || haveTwins([...members.keys()])) throw new Unreadable();
    // As properties of its own, also one with the name of the prototype's.
    return Object.fromEntries(members);
  }

  #list(depth: number): FactValue {
    const items: FactValue[] = [];
    this.#at++;
    this.#take(BLANKS);
    if (this.#skip("]")) return items;
    do items.push(this.#value(depth + 1));
    while (this.#skip(","));
    if (!this.#skip("]")) throw new Unreadable();
    return items;
  }

  #string(): string {
    const start = this.#at;
    if (!this.#skip('"')) throw new Unreadable();
    let escaped = false;
    // No pattern: on a long string, those that have to know escapes run out of stack.
    for (; ; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === QUOTE) break;
      // Past the end it is NaN.
      if (!(code >= BLANK)) throw new Unreadable();
      if (code !== BACKSLASH) continue;
      escaped = true;
      this.#at++;
    }
    this.#at++;
    return escaped ? unescaped(this.#text.slice(start, this.#at)) : this.#text.slice(start + 1, this.#at - 1);
  }

  #skip(character: string): boolean {
    const there = this.#text[this.#at] === character;
    if (there) this.#at++;
    return there;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const taken = pattern.exec(this.#text)?.[0];
    if (taken === undefined) throw new Unreadable();
    this.#at += taken.length;
    return taken;
  }
}

/** @param written a string with its quotes */
function unescaped(written: string): string {
  let text: unknown;
  try {
    text = JSON.parse(written);
  } catch {
    throw new Unreadable();
  }
  if (typeof text !== "string" || !text.isWellFormed()) throw new Unreadable();
  return text;
}

/** Some readers (Go's) take a member by its name in whatever case. */
function haveTwins(names: readonly string[]): boolean {
  // Those without a capital have no other case.
  if (!names.some((name) => /[A-Z\u0080-\uffff]/.test(name))) return false;
  return new Set(names.map((name) => name.toUpperCase().toLowerCase())).size < names.length;
}

function wordOf(word: string): boolean | null {
  return word === "null" ? null : word === "true";
}

/**
 * A whole number is one up to 2^53, which is as far as all readers count alike; a fraction, one of which a double has all digits:
 * `100.00000000000000001` is 100 to one reader and more to another.
 */
function numberOf(written: string): number {
  const value = Number(written);
  // A double has all of 15 digits.
  if (written.length <= 16 && /^-?[0-9.]+$/.test(written) && Math.abs(value) < 1e15)
    return value === 0 ? 0 : value;
  const digits = digitsOf(written);
  if (digits === "") return 0;
  if (digits.length > 17 || digitsOf(value.toExponential(digits.length - 1)) !== digits)
    throw new Unreadable();
  if (/^-?[0-9]+$/.test(written) && !Number.isSafeInteger(value)) throw new Unreadable();
  return value;
}

/** Of the number, but for its exponent, without zeros around them. */
function digitsOf(written: string): string {
  const digits = written.replace(/[eE].*$/, "").replace(/[-.]/g, "");
  let start = 0;
  let end = digits.length;
  while (start < end && digits[start] === "0") start++;
  while (end > start && digits[end - 1] === "0") end--;
  return digits.slice(start, end);
}
