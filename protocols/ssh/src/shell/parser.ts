import { Lexer, type Token } from "./lexer.ts";
import { Source } from "./source.ts";
import { type Assignment, type Found, type Redirection, unclear, type Word } from "./tree.ts";

/*
 * The grammar of POSIX.1-2024, XCU 2.10, without functions:
 *
 *   list      pipeline ((&& | || | ; | & | newline) pipeline)*
 *   pipeline  [!] command (| command)*
 *   command   simple | ( list ) | { list } | if | while | until | for | case, each with redirections
 *
 * What it does not expect is unclear, also where some shell would go on.
 */

/** Words that end a list, where a program's name could stand. */
const CLOSING = new Set(["then", "elif", "else", "fi", "do", "done", "esac", "}"]);
/** Reserved in bash, ksh, mksh or zsh alone, or words that zsh reads before a program. */
const ONLY_SOME = new Set(
  "[[ ]] function select coproc foreach end repeat nocorrect noglob always in time! - not and or begin switch".split(
    " ",
  ),
);
const OPENING = new Set(["{", "if", "while", "until", "for", "case", "!"]);

const ASSIGNMENT = /^([A-Za-z_][A-Za-z0-9_]*)=/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

class Parser {
  readonly #lexer: Lexer;
  readonly #found: Found;
  readonly #source: Source;

  constructor(source: Source) {
    this.#lexer = new Lexer(source);
    this.#found = source.found;
    this.#source = source;
  }

  script(closing: ")" | undefined): void {
    this.#list(true);
    const token = this.#lexer.next();
    const ends =
      closing === undefined ? token.kind === "end" : token.kind === "operator" && token.operator === closing;
    if (!ends) unexpected(token);
  }

  /** Up to a word or an operator that closes it. */
  #list(mayBeEmpty: boolean): void {
    let first = true;
    for (;;) {
      this.#newlines();
      if (this.#closed()) break;
      if (!first) this.#found.composed = true;
      first = false;
      const from = this.#found.commands.length;
      this.#andOr();
      if (this.#lexer.isOperator("&")) {
        for (const command of this.#found.commands.slice(from)) command.background = true;
        this.#lexer.next();
        if (this.#lexer.isOperator(";", "&")) unexpected(this.#lexer.peek());
      } else if (this.#lexer.isOperator(";")) this.#lexer.next();
      else if (this.#lexer.peek().kind !== "newline") break;
    }
    if (first && !mayBeEmpty) unexpected(this.#lexer.peek());
    if (!this.#closed()) unexpected(this.#lexer.peek());
  }

  #closed(): boolean {
    const token = this.#lexer.peek();
    if (token.kind === "end") return true;
    if (token.kind === "word") return CLOSING.has(token.word.raw);
    return token.kind === "operator" && (token.operator === ")" || token.operator === ";;");
  }

  #newlines(): void {
    while (this.#lexer.peek().kind === "newline") this.#lexer.next();
  }

  #andOr(): void {
    this.#pipeline();
    while (this.#lexer.isOperator("&&", "||")) {
      this.#found.composed = true;
      this.#lexer.next();
      this.#newlines();
      this.#pipeline();
    }
  }

  #pipeline(): void {
    if (this.#lexer.isWord("!")) {
      this.#lexer.next();
      this.#found.composed = true;
      if (this.#lexer.isWord("!")) unclear("Shells differ on a second !.");
    }
    this.#command();
    while (this.#lexer.isOperator("|")) {
      this.#found.composed = true;
      this.#lexer.next();
      this.#newlines();
      this.#command();
    }
  }

  #command(): void {
    const token = this.#lexer.peek();
    if (token.kind === "operator" && token.operator === "(") {
      this.#compound(() => this.#subshell());
      return;
    }
    if (token.kind !== "word") {
      this.#simple();
      return;
    }
    switch (token.word.raw) {
      case "{": {
        this.#compound(() => {
          this.#list(false);
          this.#expect("}");
        });
        return;
      }
      case "if": {
        this.#compound(() => this.#if());
        return;
      }
      case "while":
      case "until": {
        this.#compound(() => {
          this.#list(false);
          this.#do();
        });
        return;
      }
      case "for": {
        this.#compound(() => this.#for());
        return;
      }
      case "case": {
        this.#compound(() => this.#case());
        return;
      }
      default: {
        this.#simple();
        return;
      }
    }
  }

  #compound(inside: () => void): void {
    this.#found.composed = true;
    this.#lexer.next();
    this.#source.deeper(inside);
    while (this.#lexer.peek().kind === "redirection") this.#redirection();
  }

  #expect(...words: readonly string[]): string {
    const token = this.#lexer.next();
    if (token.kind !== "word" || !words.includes(token.word.raw)) return unexpected(token);
    return token.word.raw;
  }

  #subshell(): void {
    this.#list(false);
    const token = this.#lexer.next();
    if (token.kind !== "operator" || token.operator !== ")") unexpected(token);
  }

  #if(): void {
    for (let branch = "if"; branch !== "fi"; ) {
      this.#list(false);
      if (branch !== "else") {
        this.#expect("then");
        this.#list(false);
      }
      branch = branch === "else" ? this.#expect("fi") : this.#expect("elif", "else", "fi");
    }
  }

  #do(): void {
    this.#expect("do");
    this.#list(false);
    this.#expect("done");
  }

  #for(): void {
    const token = this.#lexer.next();
    if (token.kind !== "word" || !NAME.test(token.word.raw)) unexpected(token);
    this.#found.loops.push(token.word.raw);
    this.#newlines();
    this.#expect("in");
    while (this.#lexer.peek().kind === "word") this.#lexer.next();
    if (this.#lexer.isOperator(";")) this.#lexer.next();
    else if (this.#lexer.peek().kind !== "newline") unexpected(this.#lexer.peek());
    this.#newlines();
    this.#do();
  }

  #case(): void {
    // Old versions of bash take the ) of a pattern for the end of a substitution.
    if (this.#source.nested) unclear("There is a case in a substitution.");
    if (this.#lexer.next().kind !== "word") unclear("A case has no word.");
    this.#newlines();
    this.#expect("in");
    this.#newlines();
    while (!this.#lexer.isWord("esac")) {
      if (this.#lexer.isOperator("(")) this.#lexer.next();
      this.#pattern();
      this.#list(true);
      if (this.#lexer.isOperator(";;")) this.#lexer.next();
      else if (!this.#lexer.isWord("esac")) unexpected(this.#lexer.peek());
      this.#newlines();
    }
    this.#lexer.next();
  }

  #pattern(): void {
    for (;;) {
      const word = this.#lexer.next();
      if (word.kind !== "word") unexpected(word);
      const token = this.#lexer.next();
      if (token.kind === "operator" && token.operator === ")") return;
      if (token.kind !== "operator" || token.operator !== "|") unexpected(token);
    }
  }

  #redirection(): void {
    const token = this.#lexer.next();
    if (token.kind !== "redirection") unexpected(token);
    const redirection = asRedirection(token.operator, token.target);
    if (redirection !== undefined) this.#found.redirections.push(redirection);
    if (!token.operator.startsWith("&")) return;
    // dash ends the command at the &: then nothing may come behind the file.
    const next = this.#lexer.peek();
    if (next.kind === "word" || next.kind === "redirection") unclear("Shells differ on &> before the end.");
  }

  #simple(): void {
    const words: Word[] = [];
    const assignments: Assignment[] = [];
    let redirected = false;
    let background = false;
    for (;;) {
      const token = this.#lexer.peek();
      if (token.kind === "redirection") {
        if (token.operator.startsWith("&")) background = true;
        redirected = true;
        this.#redirection();
        continue;
      }
      if (token.kind !== "word") break;
      this.#lexer.next();
      const { word } = token;
      if (words.length === 0) {
        const name = ASSIGNMENT.exec(word.raw)?.[1];
        if (name !== undefined) {
          assignments.push({ name, value: word.raw.slice(name.length + 1) });
          continue;
        }
        const reserved = CLOSING.has(word.raw) || ONLY_SOME.has(word.raw) || OPENING.has(word.raw);
        if (reserved) unclear(`Shells differ on ${word.raw} where a program stands.`);
      } else if (word.raw === "{" || word.raw === "}") unclear("A brace stands alone.");
      words.push(word);
    }
    if (words.length === 0 && assignments.length === 0 && !redirected) unexpected(this.#lexer.peek());
    // zsh runs cat or more where there is none.
    if (words.length === 0 && redirected) unclear("A redirection has no program.");
    this.#found.commands.push({ words, assignments, redirected, background: background });
    if (this.#lexer.isOperator("("))
      unclear("It defines a function, or has a pattern that only some shells know.");
  }
}

function asRedirection(operator: string, target: Word): Redirection | undefined {
  switch (operator) {
    case "<":
      return { direction: "reads", target };
    case "<>":
      return { direction: "both", target };
    case ">":
    case ">>":
    case "&>":
      return { direction: "writes", target };
    default:
      // Here-documents, and descriptors that are made the same as others.
      return undefined;
  }
}

function unexpected(token: Token): never {
  const what =
    token.kind === "word" ? token.word.raw : token.kind === "operator" ? token.operator : `the ${token.kind}`;
  return unclear(`The grammar has no place for ${what.slice(0, 40)} here.`);
}

/** Adds what a text has to what was found, also where it is unclear from some point on. @throws Unclear */
export function parse(text: string, found: Found): void {
  const read = (source: Source, closing: ")" | undefined) => new Parser(source).script(closing);
  read(new Source(text, found, read), undefined);
}
