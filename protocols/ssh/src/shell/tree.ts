/*
 * What a command line is made of, as far as the facts need it. Which compound command a program stands in does not
 * matter, since each of its branches may run: so the parser gives a flat list, in the order of the text.
 */

/** One word of the shell's grammar (POSIX.1-2024, XCU 2.3), its quotes removed. */
export interface Word {
  /** What the program gets; undefined where an expansion has a say in it. */
  readonly literal: string | undefined;
  /** What it begins with, whatever is expanded. Empty where an expansion comes first. */
  readonly start: string;
  /** It stays one word, whatever is expanded: nothing in it is split, and no file names take its place. */
  readonly single: boolean;
  /** As it is written, with its quotes. */
  readonly raw: string;
  /** `~/x` or `~user/x` and else literal: as it is written, but without quotes. */
  readonly home: string | undefined;
}

export interface Assignment {
  readonly name: string;
  /** As it is written. */
  readonly value: string;
}

export interface Redirection {
  readonly direction: "reads" | "writes" | "both";
  readonly target: Word;
}

export interface SimpleCommand {
  readonly words: readonly Word[];
  readonly assignments: readonly Assignment[];
  /** It has redirections of its own. */
  readonly redirected: boolean;
  background: boolean;
}

/** What the parser has found up to where it is, also where it could not go on. */
export class Found {
  readonly commands: SimpleCommand[] = [];
  readonly redirections: Redirection[] = [];
  /** Names that `for` gives values. */
  readonly loops: string[] = [];
  /** Anything besides one simple command: a list, a pipe, a compound command, a substitution. */
  composed = false;
  /** Words so far, against a bound. */
  words = 0;
}

/** A text that is not understood, or that shells read differently. It never leaves this folder. */
export class Unclear extends Error {}

export function unclear(why: string): never {
  throw new Unclear(why);
}

/** A word that is known, such as one that a program makes of its arguments. */
export function literalWord(text: string): Word {
  return { literal: text, start: text, single: true, raw: text, home: undefined };
}

/** Any number of words that are not known. */
export const anyWords: Word = { literal: undefined, start: "", single: false, raw: "", home: undefined };
