import { closest, distance } from "fastest-levenshtein";

/** Something wrong in a file that a person wrote: where, what, and what would be right. */
export interface Problem {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1, in characters. */
  readonly column: number;
  readonly message: string;
  /** The line itself, for showing the place; absent where there is none. */
  readonly excerpt?: string;
}

/**
 * The right word that was probably meant: at most two letters away, or a third of the word's length.
 * Returns undefined rather than a guess that would mislead.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const list = [...candidates];
  if (list.length === 0 || word.length > 100) return undefined;
  const match = closest(word.toLowerCase(), list);
  return distance(word.toLowerCase(), match.toLowerCase()) <= Math.max(2, Math.floor(word.length / 3))
    ? match
    : undefined;
}

/** `; did you mean "x"?`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const match = nearest(word, candidates);
  return match === undefined ? "" : `; did you mean "${match}"?`;
}

/** One problem as compilers write them: `file:line:column: message`, then the line and a mark below the place. */
export function formatProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}: ${problem.message}`;
  if (problem.excerpt === undefined) return place;
  const number = String(problem.line);
  return [
    place,
    `  ${number} | ${problem.excerpt}`,
    `  ${" ".repeat(number.length)} | ${" ".repeat(problem.column - 1)}^`,
  ].join("\n");
}
