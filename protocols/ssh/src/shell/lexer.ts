import type { Source } from "./source.ts";
import { unclear, type Word } from "./tree.ts";
import { endsWord, readWord } from "./words.ts";

/*
 * Tokens (POSIX.1-2024, XCU 2.3 and 2.10.2). Operators that only some shells have are unclear: what follows one may be
 * a program to one shell and an argument to the next.
 */

export type Operator = "&&" | "||" | ";;" | ";" | "&" | "|" | "(" | ")";

export type Token =
  | { readonly kind: "word"; readonly word: Word }
  | { readonly kind: "operator"; readonly operator: Operator }
  | { readonly kind: "redirection"; readonly operator: string; readonly target: Word }
  | { readonly kind: "newline" }
  | { readonly kind: "end" };

const OPERATORS: readonly Operator[] = ["&&", "||", ";;", ";", "&", "|", "(", ")"];
/** Longest first. `&>` is not POSIX: dash reads `a &` and `>file`, which comes to the same where the command ends there. */
const REDIRECTIONS = ["<<-", "<<", ">>", "<&", ">&", "<>", "&>", "<", ">"];
/** bash, ksh, mksh or zsh have these; `<1-5>` is a pattern of zsh, and `>|` a pipe to fish. */
const ONLY_SOME = /\|&|&\||&!|;&|;\||;;&|<<<|&>>|>[;|]|\(\(|<[0-9]*-[0-9]*>/y;
const DESCRIPTOR = /[0-9]+(?=[<>])/y;

export class Lexer {
  readonly #source: Source;
  #peeked: Token | undefined;
  /** A here-document whose lines are still to come. */
  #awaited:
    | { readonly end: string; readonly tabs: boolean; readonly quoted: boolean; from: number }
    | undefined;

  constructor(source: Source) {
    this.#source = source;
  }

  /** The next token, which stays the next. */
  peek(): Token {
    this.#peeked ??= this.#read();
    return this.#peeked;
  }

  next(): Token {
    const token = this.peek();
    this.#peeked = undefined;
    return token;
  }

  /** The next token is a word that is written just so. */
  isWord(raw: string): boolean {
    const token = this.peek();
    return token.kind === "word" && token.word.raw === raw;
  }

  isOperator(...operators: readonly Operator[]): boolean {
    const token = this.peek();
    return token.kind === "operator" && operators.includes(token.operator);
  }

  #read(): Token {
    const source = this.#source;
    this.#skipBlanks();
    if (source.character === "") {
      if (this.#awaited !== undefined) unclear("A here-document has no lines.");
      return { kind: "end" };
    }
    if (source.character === "\n") {
      source.take(1);
      this.#hereDocument();
      return { kind: "newline" };
    }
    const descriptor = source.match(DESCRIPTOR);
    if (descriptor !== undefined && descriptor.length > 1) unclear("Shells differ on descriptors over 9.");
    const substitution = descriptor === undefined && (source.starts("<(") || source.starts(">("));
    if (!substitution) {
      if (source.match(ONLY_SOME) !== undefined) unclear("It has an operator that only some shells know.");
      const redirection = REDIRECTIONS.find((operator) => source.starts(operator));
      if (redirection !== undefined) return this.#redirection(redirection);
      const operator = OPERATORS.find((one) => source.starts(one));
      if (operator !== undefined) {
        source.take(operator.length);
        return { kind: "operator", operator };
      }
    }
    return { kind: "word", word: readWord(source) };
  }

  #skipBlanks(): void {
    const source = this.#source;
    for (;;) {
      source.match(/[ \t]+/y);
      const continued = source.match(/\\\n/y) !== undefined;
      if (continued && source.character === "#") unclear("A comment begins on a line that goes on.");
      if (!continued) break;
      if (!/[ \t\\]/.test(source.character) && !/[ \t]/.test(source.text[source.at - 3] ?? " "))
        unclear("A line goes on inside of a word.");
    }
    if (source.character !== "#") return;
    // Whether it ends with the substitution is not the same everywhere.
    if (source.nested) unclear("There is a comment in a substitution.");
    source.match(/[^\n]*/y);
  }

  #redirection(operator: string): Token {
    const source = this.#source;
    source.take(operator.length);
    source.match(/[ \t]+/y);
    if (endsWord(source.character) && !source.starts("<(") && !source.starts(">("))
      unclear("A redirection has no target.");
    if (source.character === "#") unclear("A redirection has no target.");
    const target = readWord(source);
    if (operator.startsWith("<<")) this.#awaitHereDocument(operator, target);
    // `>&word` is a file to bash and an error to others.
    if (operator.endsWith("&") && !/^(?:[0-9]|-)$/.test(target.raw))
      unclear("Shells differ on >& before a name.");
    return { kind: "redirection", operator, target };
  }

  #awaitHereDocument(operator: string, target: Word): void {
    const end = /^(?:\w+|'\w+'|"\w+"|\\\w+)$/.test(target.raw) ? target.literal : undefined;
    if (end === undefined || this.#source.nested || this.#awaited !== undefined)
      unclear("Shells differ on here-documents such as this.");
    const quoted = target.raw !== end;
    this.#awaited = { end, quoted, tabs: operator === "<<-", from: this.#source.at };
  }

  #hereDocument(): void {
    const awaited = this.#awaited;
    if (awaited === undefined) return;
    this.#awaited = undefined;
    const source = this.#source;
    if (source.text.slice(awaited.from, source.at - 1).includes("\n"))
      unclear("Shells differ on where this here-document begins.");
    for (;;) {
      if (source.character === "") unclear("A here-document has no end.");
      const line = source.match(/[^\n]*/y) ?? "";
      const ends = (awaited.tabs ? line.replace(/^\t+/, "") : line) === awaited.end;
      if (!ends && source.character === "") unclear("A here-document has no end.");
      source.take(1);
      if (ends) break;
      if (!awaited.quoted && /[$`\\]/.test(line)) unclear("A here-document has expansions.");
    }
    // The newline that ends it was taken: the list goes on as behind any other.
  }
}
