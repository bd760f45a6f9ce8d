import { RE2JS } from "re2js";

/** What an instruction of RE2's does (Russ Cox, "Regular Expression Matching: the Virtual Machine Approach"). */
export type Step =
  | { readonly kind: "either"; readonly first: number; readonly second: number }
  | { readonly kind: "go"; readonly to: number }
  /** Goes on where all of these hold, of `placeBetween`. */
  | { readonly kind: "place"; readonly needs: number; readonly to: number }
  | { readonly kind: "character"; readonly class: CharacterClass; readonly to: number }
  | { readonly kind: "match" }
  | { readonly kind: "fail" };

export interface CharacterClass {
  /** Two classes of the same key have the same characters. */
  readonly key: string;
  has(character: number): boolean;
}

export interface Program {
  readonly start: number;
  readonly steps: readonly Step[];
}

const LINE_END = 0x0a;
const LINE_BEGINS = 1;
const LINE_ENDS = 2;
const TEXT_BEGINS = 4;
const WORD_BOUNDARY = 16;
const NO_WORD_BOUNDARY = 32;

/** What holds between two characters of a text; `before` is -1 where the text begins. Its end is never known here. */
export function placeBetween(before: number, after: number): number {
  return (
    (before < 0 ? TEXT_BEGINS | LINE_BEGINS : 0) |
    (before === LINE_END ? LINE_BEGINS : 0) |
    (after === LINE_END ? LINE_ENDS : 0) |
    (isWord(before) === isWord(after) ? NO_WORD_BOUNDARY : WORD_BOUNDARY)
  );
}

/** RE2's words are of ASCII. */
function isWord(character: number): boolean {
  return (
    (character >= 0x30 && character <= 0x39) ||
    (character >= 0x41 && character <= 0x5a) ||
    (character >= 0x61 && character <= 0x7a) ||
    character === 0x5f
  );
}

/**
 * What re2js makes of a pattern: the same as finds its matches, and so with the same language for certain.
 * @throws TypeError where a release of re2js makes something else of it than this one
 */
export function programOf(pattern: string): Program {
  const compiled: unknown = RE2JS.compile(pattern).re2().prog;
  if (!isCompiled(compiled)) throw new TypeError("re2js compiles to programs of an unknown form");
  return { start: compiled.start, steps: compiled.inst.map(stepOf) };
}

interface Compiled {
  readonly start: number;
  readonly inst: readonly Instruction[];
}

interface Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  readonly runes: Int32Array;
  matchRune(rune: number): boolean;
}

function isCompiled(value: unknown): value is Compiled {
  if (typeof value !== "object" || value === null) return false;
  if (!("start" in value && "inst" in value && typeof value.start === "number")) return false;
  return Array.isArray(value.inst) && value.inst.every(isInstruction);
}

function isInstruction(value: unknown): value is Instruction {
  if (typeof value !== "object" || value === null) return false;
  if (!("op" in value && "out" in value && "arg" in value && "runes" in value && "matchRune" in value))
    return false;
  const { op, out, arg, runes, matchRune } = value;
  const isCode = typeof op === "number" && typeof out === "number" && typeof arg === "number";
  return isCode && runes instanceof Int32Array && typeof matchRune === "function";
}

/** By the numbers of re2js 2.10 (`Inst`). */
function stepOf(instruction: Instruction): Step {
  const { op, out, arg, runes } = instruction;
  switch (op) {
    case 1:
    case 2:
      return { kind: "either", first: out, second: arg };
    // A group's beginning or end.
    case 3:
    case 7:
      return { kind: "go", to: out };
    case 4:
      return { kind: "place", needs: arg, to: out };
    case 5:
      return { kind: "fail" };
    case 6:
      return { kind: "match" };
    case 8:
    case 9: {
      const has = (character: number) => instruction.matchRune(character);
      return { kind: "character", class: { key: `${arg} ${runes.join()}`, has }, to: out };
    }
    case 10:
      return { kind: "character", class: { key: "any", has: () => true }, to: out };
    case 11:
      return {
        kind: "character",
        class: { key: "in line", has: (character) => character !== LINE_END },
        to: out,
      };
    default:
      throw new TypeError(`re2js compiles to an unknown instruction: ${op}`);
  }
}
