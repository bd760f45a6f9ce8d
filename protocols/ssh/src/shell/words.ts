import { isPlainLetter } from "./characters.ts";
import type { Source } from "./source.ts";
import { unclear, type Word } from "./tree.ts";

/*
 * One word (POSIX.1-2024, XCU 2.2, 2.3 and 2.6). Taken is what dash, bash, ksh, mksh, zsh and busybox's ash read
 * alike. What only some of them know is unclear, also where it is harmless: `$'..'`, `$".."`, `{a,b}`, `=name`, `^`,
 * `${x@P}`, subscripts (which run the substitutions of a variable's value), arithmetic with names (which does too).
 */

/** Characters that mean themselves in all shells, wherever they stand. */
const PLAIN = /[A-Za-z0-9_./:+,@%\]#!=-]/;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const SPECIAL = /[0-9?$#!@*-]/;
/** `$((1 + 2))`, and no name in it. */
const NUMBERS = /\$\(\([0-9 +*/%-]*[0-9][0-9 +*/%-]*\)\)/y;
const BRACED = /\$\{(?:#?[A-Za-z_][A-Za-z0-9_]*|[0-9?$#!*-])\}/y;
const DEFAULTED = /\$\{[A-Za-z_][A-Za-z0-9_]*(?::?[-+?]|%%?|##?)[A-Za-z0-9_./:@%+,*=-]*\}/y;
/** What fish makes other characters of: `\x72m` is `rm` there. */
const FISH_ESCAPE = /[abcefnrtuvxUX0-7]/;
/** What may stand behind the name of a home folder. */
const HOME = /~[A-Za-z0-9_.-]*(?=[/\s;&|()<>]|$)/y;

/** Whether a word ends before this character. */
export function endsWord(character: string): boolean {
  return /^[\s;&|()<>]?$/.test(character);
}

/** Puts one word together. */
class WordReader {
  #text = "";
  #start: string | undefined;
  #literal = true;
  #single = true;
  #home = false;
  #emptyBraces = false;
  readonly #source: Source;
  readonly #from: number;

  constructor(source: Source) {
    this.#source = source;
    this.#from = source.at;
  }

  read(): Word {
    const source = this.#source;
    if (source.starts("<(") || source.starts(">(")) {
      if (!/[\s;&|(]/.test(source.text[source.at - 1] ?? " "))
        unclear("Shells differ on a <(..) inside of a word.");
      this.#processSubstitution();
      if (!endsWord(source.character)) unclear("Something stands right behind a <(..).");
    }
    while (!endsWord(source.character)) this.#part();
    const raw = source.text.slice(this.#from, source.at);
    // `{}` is for find and xargs; with a comma it would be one of several.
    if (this.#emptyBraces && /,|\.\./.test(raw)) unclear("Braces are expanded by some shells only.");
    return {
      literal: this.#literal ? this.#text : undefined,
      start: this.#start ?? this.#text,
      single: this.#single,
      raw,
      home: this.#home && this.#single ? this.#text : undefined,
    };
  }

  #part(): void {
    const source = this.#source;
    const character = source.character;
    switch (character) {
      case "'":
        this.#singleQuotes();
        return;
      case '"':
        this.#doubleQuotes();
        return;
      case "\\":
        this.#escape();
        return;
      case "$":
        this.#dollar(false);
        return;
      case "`":
        this.#backquotes(false);
        return;
      case "~":
        this.#tilde();
        return;
      case "*":
      case "?":
        this.#expanded(false);
        this.#add(source.take(1));
        return;
      case "[":
        this.#bracket();
        return;
      case "{":
      case "}":
        this.#brace();
        return;
      case "=":
        // zsh puts the path of a program in place of `=name`, also behind quotes with nothing in them.
        if (this.#text === "" && !(source.at === this.#from && endsWord(source.ahead(1))))
          unclear("zsh expands a word that begins with =.");
        this.#add(source.take(1));
        return;
      default:
        if (!PLAIN.test(character) && !isPlainLetter(character))
          unclear(`Shells differ on ${JSON.stringify(character)} outside of quotes.`);
        this.#add(source.take(character.length));
    }
  }

  #add(text: string): void {
    this.#text += text;
  }

  /** An expansion stands here. */
  #expanded(single: boolean): void {
    this.#start ??= this.#text;
    this.#literal = false;
    this.#home = false;
    this.#single &&= single;
  }

  #singleQuotes(): void {
    const source = this.#source;
    const end = source.text.indexOf("'", source.at + 1);
    if (end < 0) unclear("A quote is not closed.");
    // fish takes \' for a quote inside.
    if (source.text[end - 1] === "\\") unclear("A backslash stands before a closing quote.");
    this.#add(source.text.slice(source.at + 1, end));
    source.at = end + 1;
  }

  #doubleQuotes(): void {
    const source = this.#source;
    source.take(1);
    while (source.character !== '"') {
      if (source.character === "") unclear("A quote is not closed.");
      switch (source.character) {
        case "$":
          this.#dollar(true);
          break;
        case "`":
          this.#backquotes(true);
          break;
        case "\\": {
          const next = source.ahead(1);
          if (next === "\n") unclear("A line goes on inside of quotes.");
          // XCU 2.2.3: elsewhere the backslash stays.
          this.#add(/["$`\\]/.test(next) ? source.take(2).slice(1) : source.take(1));
          break;
        }
        default:
          this.#add(source.take(source.character.length));
      }
    }
    source.take(1);
  }

  #escape(): void {
    const next = this.#source.ahead(1);
    if (next === "" || next === "\n") unclear("A line ends inside of a word.");
    if (FISH_ESCAPE.test(next) || !/[\x20-\x7e]/.test(next))
      unclear("Shells differ on a backslash before a letter.");
    this.#add(this.#source.take(2).slice(1));
  }

  #tilde(): void {
    const source = this.#source;
    if (source.at === this.#from) {
      const name = source.match(HOME);
      if (name === undefined) unclear("Shells differ on what stands behind ~.");
      this.#add(name);
      this.#start = "~";
      this.#literal = false;
      this.#home = true;
      return;
    }
    // Only some shells expand it behind = and : where it is no assignment, and behind quotes with nothing in them.
    if (this.#text === "" || /[=:]/.test(source.text[source.at - 1] ?? "")) this.#expanded(true);
    this.#add(source.take(1));
  }

  #bracket(): void {
    const alone = this.#source.at === this.#from && endsWord(this.#source.ahead(1));
    if (!alone) this.#expanded(false);
    this.#add(this.#source.take(1));
  }

  /** `{` and `}` alone are the grammar's, `{}` is itself everywhere. */
  #brace(): void {
    const source = this.#source;
    if (source.starts("{}")) {
      this.#emptyBraces = true;
      this.#add(source.take(2));
      return;
    }
    if (source.at !== this.#from || !endsWord(source.ahead(1)))
      unclear("Braces are expanded by some shells only.");
    this.#add(source.take(1));
  }

  #dollar(quoted: boolean): void {
    const source = this.#source;
    if (source.starts("$((")) {
      if (source.match(NUMBERS) === undefined) unclear("Arithmetic can run commands.");
      this.#expanded(true);
      return;
    }
    if (source.starts("$(")) {
      source.take(2);
      source.substitution(")");
      this.#expanded(quoted);
      return;
    }
    if (source.starts("${")) {
      const all = source.match(/\$\{@\}/y) !== undefined;
      if (!all && source.match(BRACED) === undefined && source.match(DEFAULTED) === undefined)
        unclear("Shells differ on what a parameter expansion can do.");
      this.#parameter(quoted && !all);
      return;
    }
    const next = source.ahead(1);
    NAME.lastIndex = source.at + 1;
    const name = NAME.exec(source.text)?.[0];
    if (name !== undefined) {
      source.take(1 + name.length);
      this.#parameter(quoted);
      return;
    }
    if (next !== "" && SPECIAL.test(next)) {
      source.take(2);
      if (next === "#" && /[\w{$*@?!#-]/.test(source.character))
        unclear("Shells differ on $# before a name.");
      this.#parameter(quoted && next !== "@");
      return;
    }
    // A dollar that is none: at the end of a word, before a blank or the closing quote.
    if (quoted ? !/["\s]/.test(next) : !endsWord(next) || next === "(")
      unclear("Shells differ on what $ begins here.");
    this.#add(source.take(1));
  }

  #parameter(single: boolean): void {
    if (this.#source.character === "[") unclear("zsh takes a [ behind a parameter for a subscript.");
    this.#expanded(single);
  }

  #backquotes(quoted: boolean): void {
    const source = this.#source;
    const end = source.text.indexOf("`", source.at + 1);
    if (end < 0) unclear("A backquote is not closed.");
    const inner = source.text.slice(source.at + 1, end);
    // What a backslash or a quote means in here is not the same everywhere (XCU 2.6.3 leaves it open).
    if (inner.includes("\\") || (quoted && inner.includes('"')))
      unclear("Shells differ on quotes in backquotes.");
    source.inner(inner);
    source.at = end + 1;
    this.#expanded(quoted);
  }

  /** `<(..)` of bash, ksh and zsh; a syntax error to the others. */
  #processSubstitution(): void {
    this.#source.take(2);
    this.#source.substitution(")");
    // The shells differ on the file's name, but it is always an absolute one.
    this.#add("/");
    this.#expanded(true);
  }
}

/** The word that begins here. @throws Unclear */
export function readWord(source: Source): Word {
  source.countWord();
  return new WordReader(source).read();
}
