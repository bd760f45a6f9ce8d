import type { Word } from "./tree.ts";

/*
 * How a program reads its arguments (XBD 12.2, getopt, getopt_long), from one line of data:
 *
 *   -a          an option alone         -n:    with a value, attached or the next word
 *   -i?         a value, attached only  -#     digits: nice -5
 *   --long      --long:  --long?        as above, the value behind = or (:) the next word
 *
 * Long options count in full only: an abbreviation is an option that is not known.
 */

type Takes = "nothing" | "value" | "attached";

export type Options = ReadonlyMap<string, Takes>;

export function options(line: string): Options {
  const known = new Map<string, Takes>();
  for (const one of line.split(" ").filter(Boolean)) {
    const takes = one.endsWith(":") ? "value" : one.endsWith("?") ? "attached" : "nothing";
    known.set(takes === "nothing" ? one : one.slice(0, -1), takes);
  }
  return known;
}

export interface Arguments {
  /** In order, with the value that each has. */
  readonly options: readonly { readonly name: string; readonly value: Word | undefined }[];
  readonly operands: readonly Word[];
  /** The first option that is not known, as it is written. */
  readonly unknown: string | undefined;
  /** A word that may become options when it is expanded. */
  readonly unsure: Word | undefined;
}

/** @param first options end at the first operand, as they do for programs that run what follows */
export function readArguments(words: readonly Word[], known: Options, first: boolean): Arguments {
  const found: { name: string; value: Word | undefined }[] = [];
  const operands: Word[] = [];
  const rest = [...words];
  const done = (unknown?: string, unsure?: Word): Arguments => ({
    options: found,
    operands,
    unknown,
    unsure,
  });
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const text = word.literal ?? word.start;
    if (word.literal === "--") {
      operands.push(...rest);
      return done();
    }
    if (!text.startsWith("-") || word.literal === "-") {
      if (mayBecomeOptions(word)) return done(undefined, word);
      operands.push(word);
      if (!first) continue;
      operands.push(...rest);
      return done();
    }
    const long = /^--[^=]+(?==)/.exec(text)?.[0];
    // Of an option with an expansion, all has to be known but its value.
    if (word.literal === undefined && (long === undefined || !word.single)) return done(undefined, word);
    if (text.startsWith("--")) {
      const name = long ?? text;
      const takes = known.get(name);
      if (takes === undefined || (long !== undefined && takes === "nothing")) return done(text);
      let value = long === undefined ? undefined : part(word, long.length + 1);
      if (takes === "value" && long === undefined) {
        value = rest.shift();
        if (!isValue(value)) return done(text, value);
      }
      found.push({ name, value });
      continue;
    }
    for (let at = 1; at < text.length; at++) {
      const name = `-${text.charAt(at)}`;
      const takes = /[0-9]/.test(name) && !known.has(name) ? known.get("-#") : known.get(name);
      if (takes === undefined) return done(text);
      if (takes === "nothing") {
        found.push({ name, value: undefined });
        continue;
      }
      let value: Word | undefined = at + 1 < text.length ? part(word, at + 1) : undefined;
      if (value === undefined && takes === "value") {
        value = rest.shift();
        if (!isValue(value)) return done(text, value);
      }
      found.push({ name, value });
      break;
    }
  }
  return done();
}

/** The files of a pattern all begin as it does; what is split may go on with anything. */
function mayBecomeOptions(word: Word): boolean {
  if (word.literal !== undefined) return false;
  return word.start === "" || (!word.single && /[$`]/.test(word.raw));
}

/** One word, and none that would be an option if this one took no value after all. */
function isValue(word: Word | undefined): boolean {
  return word?.single === true && !/^-[^0-9]/.test(word.literal ?? word.start);
}

/** A word from some place on. */
function part(word: Word, from: number): Word {
  return { ...word, literal: word.literal?.slice(from), start: word.start.slice(from), home: undefined };
}
