import type { Access, Facts } from "./facts.ts";
import { type Arguments, options, readArguments } from "./options.ts";
import type { Word } from "./tree.ts";

/** A program that is run, with what is known of the place it is run from. */
export interface Call {
  /** Its name without a folder. */
  readonly name: string;
  readonly words: readonly Word[];
  readonly facts: Facts;
  /** Another program that it runs; an empty list runs nothing. */
  run(words: readonly Word[]): void;
  /** A text that it has a shell run. */
  script(text: Word): void;
  /** A variable that it sets for what it runs. @param value as it is written */
  assigns(name: string, value: string): void;
}

/** What a program does, as far as its arguments tell. */
export type Program = (call: Call) => void;

export interface Traits {
  readonly access?: Access;
  readonly network?: boolean;
  /** With a terminal it starts a pager or reads keys, and so may run anything. */
  readonly terminal?: boolean;
}

function apply(call: Call, traits: Traits): void {
  call.facts.atLeast(traits.access ?? "read");
  if (traits.network === true) call.facts.network = true;
  if (traits.terminal === true) call.facts.terminal.add(call.name);
}

/** It has no argument that makes it do more than this. */
export function always(access: Access, traits: Traits = {}): Program {
  return (call) => apply(call, { ...traits, access });
}

/** Nothing certain is known of what it runs. */
export function runsAnything(why: string, traits: Traits = {}): Program {
  return (call) => {
    apply(call, { access: "admin", ...traits });
    call.facts.unclear(`${call.name} ${why}`);
  };
}

interface Limits extends Traits {
  /** Options that are no more than `access`. */
  readonly options: string;
  /** Options with which it changes files. */
  readonly writes?: string;
  /** It has options that run programs: one that is not known makes the line unclear. */
  readonly runs?: boolean;
  readonly operands?: { readonly most?: number; readonly like?: RegExp };
}

/** With these options and operands it does no more than `access`; with others it may do anything. */
export function only(limits: Limits): Program {
  const known = options(`${limits.options} ${limits.writes ?? ""}`);
  const writing = options(limits.writes ?? "");
  return (call) => {
    const found = readArguments(call.words, known, false);
    const quiet = found.options.some(({ name }) => name === "--no-pager");
    apply(call, { ...limits, terminal: limits.terminal === true && !quiet });
    if (found.options.some(({ name }) => writing.has(name))) call.facts.atLeast("write");
    const { most = Number.POSITIVE_INFINITY, like } = limits.operands ?? {};
    const fits =
      found.operands.length <= most &&
      (like === undefined ||
        found.operands.every(({ literal }) => literal !== undefined && like.test(literal))) &&
      (most === Number.POSITIVE_INFINITY || found.operands.every((word) => word.single));
    if (isKnown(call, found, limits.runs === true) && !fits) call.facts.atLeast("admin");
  };
}

/** Whether all its options are known. If not, it may do anything, and be it to run others. */
export function isKnown(call: Call, found: Arguments, runs: boolean): boolean {
  if (found.unknown === undefined && found.unsure === undefined) return true;
  call.facts.atLeast("admin");
  if (!runs) return false;
  call.facts.unclear(
    found.unknown === undefined
      ? `${call.name} has a word that may become options: ${found.unsure?.raw.slice(0, 40) ?? ""}`
      : `${call.name} ${found.unknown.slice(0, 40)} may run anything.`,
  );
  return false;
}

interface Wrapper extends Traits {
  readonly options: string;
  /** Operands in front of the program. */
  readonly skip?: { readonly count: number; readonly like: RegExp };
  /** NAME=VALUE may stand in front of the program. */
  readonly assignments?: boolean;
  /** There is something to run by itself: a shell for sudo, say. */
  readonly needs?: boolean;
}

/** It runs the program that its operands name. */
export function wraps(wrapper: Wrapper): Program {
  const known = options(wrapper.options);
  return (call) => {
    apply(call, wrapper);
    const found = readArguments(call.words, known, true);
    if (!isKnown(call, found, true)) return;
    const { count, like } = wrapper.skip ?? { count: 0, like: /^/ };
    const skipped = found.operands.slice(0, count);
    if (!skipped.every(({ literal }) => literal !== undefined && like.test(literal))) {
      call.facts.unclear(`${call.name} has an operand that is not known.`);
      return;
    }
    const rest = found.operands.slice(count);
    if (wrapper.assignments === true) takeAssignments(call, rest);
    if (rest.length === 0 && wrapper.needs === true)
      call.facts.unclear(`${call.name} runs what is not named.`);
    call.run(rest);
  };
}

/** Takes `NAME=VALUE` from the front, as env and sudo do. */
function takeAssignments(call: Call, words: Word[]): void {
  for (;;) {
    const word = words[0];
    const [name, value] = /^([^=]*)=(.*)$/s.exec(word?.literal ?? word?.start ?? "")?.slice(1) ?? [];
    if (word === undefined || name === undefined || value === undefined) return;
    if (!word.single) {
      call.facts.unclear(`${call.name} has a value that may become words.`);
      return;
    }
    call.assigns(name, word.literal === undefined ? word.raw : value);
    words.shift();
  }
}

export interface Subcommand extends Traits {
  readonly options: string;
  readonly operands?: { readonly like: RegExp };
}

interface Subcommands {
  /** Options in front of the subcommand. */
  readonly before: string;
  /** Those options may stand behind it too. git's may not: there -C and -P are others. */
  readonly anywhere: boolean;
  readonly known: Readonly<Record<string, Subcommand>>;
}

/** Its first operand says what it does; one that is not listed may do anything. */
export function subcommands({ before, anywhere, known }: Subcommands): Program {
  const general = options(before);
  return (call) => {
    const found = readArguments(call.words, general, true);
    if (!isKnown(call, found, true)) return;
    const [name, ...rest] = found.operands;
    const literal = name?.literal;
    const subcommand = literal !== undefined && Object.hasOwn(known, literal) ? known[literal] : undefined;
    if (subcommand === undefined) {
      call.facts.atLeast("admin");
      call.facts.unclear(`${call.name} ${literal?.slice(0, 40) ?? ""} may run anything.`);
      return;
    }
    const all = readArguments(rest, options(`${anywhere ? before : ""} ${subcommand.options}`), false);
    if (!isKnown(call, all, true)) return;
    const said = anywhere ? [...found.options, ...all.options] : found.options;
    const quiet = said.some((one) => one.name === "--no-pager" || one.name === "-P");
    apply(call, { ...subcommand, terminal: subcommand.terminal === true && !quiet });
    const like = subcommand.operands?.like;
    if (like === undefined) return;
    if (all.operands.every(({ literal }) => literal !== undefined && like.test(literal))) return;
    call.facts.atLeast("admin");
    call.facts.unclear(`${call.name} ${literal ?? ""} has an operand that is not known.`);
  };
}
