import { type Found, unclear } from "./tree.ts";

/** Substitutions and compound commands inside of each other. */
const DEEPEST = 100;
const MOST_WORDS = 10_000;

/** Parses what begins at a source's position, up to an operator that closes it or to its end. */
type Parse = (source: Source, closing: ")" | undefined) => void;

/** A text, and how far it was read. */
export class Source {
  at = 0;
  readonly text: string;
  readonly found: Found;
  /** It is a substitution. */
  readonly nested: boolean;
  #depth: number;
  readonly #parse: Parse;

  constructor(text: string, found: Found, parse: Parse, depth = 0) {
    this.text = text;
    this.found = found;
    this.nested = depth > 0;
    this.#depth = depth;
    this.#parse = parse;
    if (depth > DEEPEST) unclear("It is nested too deeply.");
  }

  /** Reads a compound command. Those count like substitutions, or both together would take the stack. */
  deeper(inside: () => void): void {
    if (++this.#depth > DEEPEST) unclear("It is nested too deeply.");
    inside();
    this.#depth--;
  }

  /** The character here, whole where it is two UTF-16 units; empty at the end. */
  get character(): string {
    const point = this.text.codePointAt(this.at);
    return point === undefined ? "" : String.fromCodePoint(point);
  }

  /** The unit so far ahead; empty behind the end. */
  ahead(distance: number): string {
    return this.text[this.at + distance] ?? "";
  }

  starts(text: string): boolean {
    return this.text.startsWith(text, this.at);
  }

  take(length: number): string {
    const taken = this.text.slice(this.at, this.at + length);
    this.at += length;
    return taken;
  }

  /** Takes what a sticky pattern matches here. */
  match(sticky: RegExp): string | undefined {
    sticky.lastIndex = this.at;
    const matched = sticky.exec(this.text)?.[0];
    if (matched !== undefined) this.at += matched.length;
    return matched;
  }

  countWord(): void {
    if (++this.found.words > MOST_WORDS) unclear("It has more than 10,000 words.");
  }

  /** A substitution that goes on in this text, behind its opening and up to its closing. */
  substitution(closing: ")"): void {
    const source = new Source(this.text, this.found, this.#parse, this.#depth + 1);
    source.at = this.at;
    this.found.composed = true;
    this.#parse(source, closing);
    this.at = source.at;
  }

  /** A substitution whose text is known. */
  inner(text: string): void {
    this.found.composed = true;
    this.#parse(new Source(text, this.found, this.#parse, this.#depth + 1), undefined);
  }
}
