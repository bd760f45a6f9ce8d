import { check } from "./characters.ts";
import { Facts } from "./facts.ts";
import { parse } from "./parser.ts";
import type { Call } from "./program.ts";
import { findProgram } from "./programs/index.ts";
import { type Assignment, Found, type Redirection, type SimpleCommand, Unclear, type Word } from "./tree.ts";
import { isHarmless } from "./variables.ts";

/** Programs that run programs, inside of each other. */
const DEEPEST = 20;
/** Programs in one line, and texts of `sh -c`. */
const MOST_PROGRAMS = 2000;
const MOST_TEXTS = 50;

interface Place {
  readonly wrappedBy: readonly string[];
  readonly background: boolean;
  readonly assignments: readonly string[];
}

/** From what the grammar found to what it does. Programs that run others are followed. */
export class Walk {
  readonly facts = new Facts();

  /** @returns what the grammar found. Of a text that is not understood, what it had up to there. */
  text(text: string, wrappedBy: readonly string[] = []): Found {
    const found = new Found();
    try {
      check(text);
      parse(text, found);
    } catch (error) {
      if (!(error instanceof Unclear)) throw error;
      this.facts.unclear(error.message);
    }
    for (const name of found.loops) this.#assigned(name, "");
    for (const redirection of found.redirections) this.#redirected(redirection);
    for (const command of found.commands) this.#simple(command, wrappedBy);
    return found;
  }

  #simple(command: SimpleCommand, wrappedBy: readonly string[]): void {
    for (const { name, value } of command.assignments) this.#assigned(name, value);
    if (command.words.length === 0) return;
    const assignments = command.assignments.map(({ name }: Assignment) => name);
    this.#run(command.words, { wrappedBy, background: command.background, assignments });
  }

  #assigned(name: string, value: string): void {
    if (!isHarmless(name, value))
      this.facts.unclear(`It sets ${name.slice(0, 40)}, which may change what runs.`);
  }

  #redirected({ direction, target }: Redirection): void {
    const { facts } = this;
    // bash opens a connection for /dev/tcp/HOST/PORT, so the beginning has to be known.
    if (/^\/dev\/(?:tcp|udp)\//.test(target.literal ?? "")) {
      facts.network = true;
      facts.atLeast("admin");
      return;
    }
    if (target.literal === undefined && ["/dev/tcp/", "/dev/udp/"].some((path) => mayBegin(target, path)))
      facts.unclear("A redirection may go to the network: its file is not literal.");
    if (direction !== "writes") facts.reads.push(target.literal);
    if (direction === "reads" || target.literal === "/dev/null") return;
    facts.writes.push(target.literal);
    facts.atLeast("write");
  }

  #run(words: readonly Word[], place: Place): void {
    const { facts } = this;
    const [first, ...rest] = words;
    if (first === undefined) return;
    facts.commands.push({ ...place, words: words.map(({ literal }) => literal) });
    if (facts.commands.length > MOST_PROGRAMS || place.wrappedBy.length > DEEPEST) {
      facts.unclear("It runs more programs than are looked at.");
      return;
    }
    const path = first.literal;
    if (path === undefined) {
      facts.unclear(`The name of a program is not literal: ${first.raw.slice(0, 40)}`);
      return;
    }
    facts.programs.add(path);
    // zsh, fish and ksh have other uses for these at the front; = is an assignment to some of them.
    if (!/^[A-Za-z0-9_./:[\]][A-Za-z0-9_./:@,+[\]-]*$/.test(path)) {
      facts.unclear(`Shells differ on a program that is called ${JSON.stringify(path.slice(0, 40))}.`);
      return;
    }
    const { name, program } = findProgram(path);
    program(this.#call(name, rest, place));
  }

  #call(name: string, words: readonly Word[], place: Place): Call {
    const wrappedBy = [...place.wrappedBy, name];
    return {
      name,
      words,
      facts: this.facts,
      run: (inner) => this.#run(inner, { ...place, wrappedBy, assignments: [] }),
      script: (text) => this.#script(text, wrappedBy),
      assigns: (variable, value) => this.#assigned(variable, value),
    };
  }

  #script(text: Word, wrappedBy: readonly string[]): void {
    if (text.literal === undefined) {
      this.facts.unclear("A shell runs a text that is not literal.");
      return;
    }
    if (++this.facts.texts > MOST_TEXTS || wrappedBy.length > DEEPEST) {
      this.facts.unclear("It has more texts of shells than are looked at.");
      return;
    }
    this.text(text.literal, wrappedBy);
  }
}

/** Whether a word that is not literal may become one that begins so. */
function mayBegin(word: Word, path: string): boolean {
  return word.start.length < path.length ? path.startsWith(word.start) : word.start.startsWith(path);
}
