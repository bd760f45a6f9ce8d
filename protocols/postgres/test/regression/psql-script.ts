/** What a script has next. */
export type Step =
  /** A statement, with the backslash command that ended it in place of a semicolon: `gset pref_`. */
  | { readonly sql: string; readonly ending?: string }
  /** A backslash command that stands alone. */
  | { readonly command: string };

const BLANKS = /\s+/y;
const LINE_COMMENT = /--[^\n]*/y;
const BLOCK_COMMENT_EDGE = /\/\*|\*\//g;
const DOLLARS = /\$(?:[A-Za-z_\x80-\uffff][\w\x80-\uffff]*)?\$/y;
const WORD = /[A-Za-z_\x80-\uffff][\w$\x80-\uffff]*|\d[\w.]*/y;
const DOUBLE = /"(?:[^"]|"")*"/y;
const PLAIN_STRING = /'(?:[^']|'')*'/y;
const ESCAPE_STRING = /'(?:[^'\\]|''|\\.)*'/sy;
const VARIABLE = /:(?:(\w+)|'(\w+)'|"(\w+)"|\{\?(\w+)\})/y;
const BACKSLASH = /\\(?:;|[^\n]*?(?=\\\\|\n|$)(?:\\\\)?)/y;
/** A statement that is ended by them, and goes to the server. */
const ENDING = /^(?:g|gx|gset|gexec|gdesc|crosstabview|watch|bind)\b/;
/** What begins CREATE [OR REPLACE] FUNCTION or PROCEDURE, whose body may have semicolons between BEGIN and END. */
const ROUTINE = /^create (?:or replace )?(?:function|procedure)\b/;

/**
 * A script of psql's, cut as psql cuts it (psqlscan.l): at semicolons outside of quotes, comments, parentheses and bodies
 * of routines, and at backslash commands, with variables in their place. It is read as it is run, since what a
 * variable holds is known no sooner.
 */
export class PsqlScript {
  readonly variables: Map<string, string>;
  /** standard_conforming_strings is off. */
  backslashes = false;
  readonly #text: string;
  #at = 0;

  constructor(text: string, variables: ReadonlyMap<string, string>) {
    this.#text = text;
    this.variables = new Map(variables);
  }

  /** Undefined at the end. What is left without a semicolon there, psql does not send. */
  next(): Step | undefined {
    let sql = "";
    let depth = 0;
    let begun = 0;
    const words: string[] = [];
    while (this.#at < this.#text.length) {
      const blanks = this.#comment() === undefined ? this.#take(BLANKS) : " ";
      if (blanks !== undefined) {
        if (sql !== "") sql += blanks;
        continue;
      }
      const backslash = this.#take(BACKSLASH);
      if (backslash !== undefined) {
        const command = backslash.slice(1).replace(/\\\\$/, "").trim();
        if (command.startsWith(";")) sql += ";";
        else if (sql === "") return { command };
        else if (ENDING.test(command)) return { sql, ending: command };
        continue;
      }
      const quoted = this.#quoted(sql);
      if (quoted !== undefined) {
        sql += quoted;
        continue;
      }
      const word = this.#take(WORD);
      if (word !== undefined) {
        sql += word;
        words.push(word.toLowerCase());
        if (depth === 0 && ROUTINE.test(words.slice(0, 4).join(" "))) {
          if (/^begin$/i.test(word) || (begun > 0 && /^case$/i.test(word))) begun++;
          else if (begun > 0 && /^end$/i.test(word)) begun--;
        }
        continue;
      }
      const variable = this.variable();
      if (variable !== undefined) {
        sql += variable;
        continue;
      }
      const sign = this.#text.charAt(this.#at++);
      if (sign === ";" && depth === 0 && begun === 0) {
        if (sql !== "") return { sql };
        continue;
      }
      if (sign === "(") depth++;
      if (sign === ")") depth = Math.max(0, depth - 1);
      sql += sign;
    }
    return undefined;
  }

  /** The lines behind a COPY FROM STDIN, up to the one that ends them. */
  copyData(): string {
    const start = this.#text.indexOf("\n", this.#at) + 1;
    const end = /^\\\.[ \t\r]*$/gm;
    end.lastIndex = start;
    const found = start === 0 ? null : end.exec(this.#text);
    this.#at = found ? end.lastIndex : this.#text.length;
    return this.#text.slice(start, found?.index ?? this.#text.length);
  }

  /** What a text of a backslash command's holds, with variables in their place and its quotes taken off. */
  arguments(text: string): string[] {
    const parts = new PsqlScript(text, this.variables);
    const given: string[] = [];
    while (parts.#at < text.length) {
      if (parts.#take(BLANKS) !== undefined) continue;
      let value = "";
      while (parts.#at < text.length && !/\s/.test(text.charAt(parts.#at))) {
        const quoted = parts.#take(PLAIN_STRING);
        value += quoted?.slice(1, -1).replaceAll("''", "'") ?? parts.variable() ?? text.charAt(parts.#at++);
      }
      given.push(value);
    }
    return given;
  }

  /** The value of the variable that stands here, as it is quoted; undefined where there is none. */
  variable(): string | undefined {
    VARIABLE.lastIndex = this.#at;
    // A cast, or the bounds of a slice.
    const found = this.#text.charAt(this.#at - 1) === ":" ? null : VARIABLE.exec(this.#text);
    if (!found) return undefined;
    const [all, plain, literal, name, asked] = found;
    const value = this.variables.get(plain ?? literal ?? name ?? asked ?? "");
    if (asked === undefined && value === undefined) return undefined;
    this.#at += all.length;
    if (asked !== undefined) return value === undefined ? "FALSE" : "TRUE";
    if (literal !== undefined) return `'${value?.replaceAll("'", "''") ?? ""}'`;
    return name === undefined ? value : `"${value?.replaceAll('"', '""') ?? ""}"`;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #comment(): string | undefined {
    const line = this.#take(LINE_COMMENT);
    if (line !== undefined || !this.#text.startsWith("/*", this.#at)) return line;
    const start = this.#at;
    BLOCK_COMMENT_EDGE.lastIndex = start;
    let depth = 0;
    do {
      const edge = BLOCK_COMMENT_EDGE.exec(this.#text)?.[0];
      if (edge === undefined) BLOCK_COMMENT_EDGE.lastIndex = this.#text.length;
      depth += edge === "/*" ? 1 : edge === "*/" ? -1 : -depth;
    } while (depth > 0);
    this.#at = BLOCK_COMMENT_EDGE.lastIndex;
    return this.#text.slice(start, this.#at);
  }

  /** @param before what the statement has so far: its last word may be the string's prefix */
  #quoted(before: string): string | undefined {
    switch (this.#text.charAt(this.#at)) {
      case '"':
        return this.#take(DOUBLE);
      case "'": {
        const prefix = /(?<![\w$])([ebxnEBXN]|[uU]&)$/.exec(before)?.[1]?.toLowerCase();
        const escapes = prefix === "e" || (this.backslashes && prefix === undefined);
        return this.#take(escapes ? ESCAPE_STRING : PLAIN_STRING);
      }
      case "$": {
        const tag = /[\w$]$/.test(before) ? undefined : this.#take(DOLLARS);
        if (tag === undefined) return undefined;
        const end = this.#text.indexOf(tag, this.#at);
        const body = this.#text.slice(this.#at, end < 0 ? undefined : end);
        this.#at += body.length + (end < 0 ? 0 : tag.length);
        return `${tag}${body}${end < 0 ? "" : tag}`;
      }
      default:
        return undefined;
    }
  }
}
