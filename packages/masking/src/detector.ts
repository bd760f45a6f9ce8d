import type { Span } from "./spans.ts";

/**
 * A way to find values of one kind in any text.
 *
 * The pattern is RE2's (linear time, whatever the text is) and gives candidates of at most a few hundred units. Where it
 * has groups, the first that took part is the candidate, and the rest what must stand beside it.
 */
export interface Detector {
  /** `group.name`, as policies write it. */
  readonly name: string;
  readonly pattern: string;
  /**
   * What of the text is to be hidden, for one candidate: more than it where it is the beginning of something longer,
   * undefined where it is a look-alike. It must not look at more of the text than a bounded piece, unless it accepts.
   */
  readonly settle?: (text: string, candidate: Span) => Span | undefined;
  /**
   * Something that is in the line in which a match begins, wherever there is one: a look that costs far less than the
   * pattern. As JavaScript's expressions are written, of ASCII, with no regard to case; without it each line is looked at.
   */
  readonly sign?: string;
  /** Rougher still: what several signs have in common is looked for once, and they where it is. */
  readonly rough?: string;
  /** What `settle` can make of a candidate, where that goes on behind it. */
  readonly extent?: Extent;
  /** Of what is found over more than one line. Nothing else that Gatehouse finds goes over a line's end. */
  readonly overLines?: OverLines;
}

/** What is in the line of any number of six digits or more, however they are grouped. */
export const SIX_DIGITS = String.raw`[0-9](?:[ ().\-/]{0,2}[0-9]){5}`;

/** What JavaScript's `\s` is, in RE2's syntax: there it is of ASCII alone. */
export const BLANK = String.raw`[\s\x0b\p{Z}\x{feff}]`;

/** For a text that comes in pieces, of which so much can't be kept back as a value can have. */
export interface Extent {
  /**
   * As `pattern` is written, for the candidate with all that can be added to it and all that settling looks at behind it. It may
   * match more than is found, never less.
   */
  readonly pattern: string;
  /**
   * A beginning that can't be anything else's. Where that has to go before it is known to be something, it is hidden from there
   * on (`all`), or from behind what this matches (`rest`), as far as the extent goes. Anything else is shown.
   */
  readonly certain?: { readonly pattern: string; readonly hides: "all" | "rest" };
}

/** Texts are bytes here, a unit each. */
export interface OverLines {
  /** What it begins with, as `sign` is written. `$` is where the text ends so far. */
  readonly head: string;
  /** How many bytes from the head's beginning on decide. */
  readonly reach: number;
  /** Where what has begun is over for certain, for a head that ends there; undefined where that is not known yet. */
  readonly over?: (latin1: string, headEnd: number) => number | undefined;
}

/** Settles by a look at the candidate alone. */
export function where(valid: (candidate: string) => boolean): NonNullable<Detector["settle"]> {
  return (text, candidate) => (valid(text.slice(candidate.start, candidate.end)) ? candidate : undefined);
}

/** A pattern for what is not a part of a longer word or number. An underline is no such part: `card_4111...`. */
export function alone(pattern: string): string {
  return String.raw`(?:\b|_)(${pattern})(?:\b|_)`;
}

/** Where a match of a sticky expression that begins at `at` ends. Of Gatehouse's own expressions only. */
export function afterMatch(expression: RegExp, text: string, at: number): number | undefined {
  expression.lastIndex = at;
  return expression.test(text) ? expression.lastIndex : undefined;
}
