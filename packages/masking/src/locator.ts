import { type Matcher, RE2JS, RE2Set } from "re2js";
import type { Detector } from "./detector.ts";
import type { Found, Span } from "./spans.ts";

/**
 * What windows have in common with the next. A match is found in the window in which it begins, and sees as much of
 * what comes behind; Gatehouse's own patterns are not longer.
 */
const OVERLAP = 512;

/**
 * Detectors whose patterns run as one automaton, which says for which of them there is anything; only those are
 * then asked where, one by one, which takes far longer.
 */
export class Locator {
  readonly #detectors: readonly { readonly detector: Detector; readonly pattern: RE2JS }[];
  readonly #set = new RE2Set();
  readonly #window: number;
  readonly #step: number;

  /**
   * @param window how much of a text is looked at together. Finding one match can take time by its length, so that all
   *   matches of a text would take the square of the text's.
   */
  constructor(detectors: readonly Detector[], window: number) {
    this.#detectors = detectors.map((detector) => ({ detector, pattern: RE2JS.compile(detector.pattern) }));
    for (const { pattern } of detectors) this.#set.add(pattern);
    this.#set.compile();
    this.#window = window;
    this.#step = window - OVERLAP;
  }

  /**
   * Everything that is to be hidden, in no order. Undefined where it is more than `limit`, or where a match goes on
   * behind its window: how far is then not known.
   * @param within where matches begin
   */
  locate(text: string, limit: number, within: Span): readonly Found[] | undefined {
    const found: Found[] = [];
    let matches = 0;
    for (let offset = 0; offset === 0 || offset + OVERLAP < text.length; offset += this.#step) {
      const window = text.slice(offset, offset + this.#window);
      for (const number of this.#set.match(window)) {
        for (const match of this.#inWindow(number, window, offset, text, within)) {
          if (match === "cut off" || ++matches > limit) return undefined;
          // A pattern can match a place (`\b`): there is nothing to hide, but it took its time to find.
          if (match.start < match.end) found.push(match);
        }
      }
    }
    return found;
  }

  *#inWindow(
    number: number,
    window: string,
    offset: number,
    text: string,
    within: Span,
  ): Iterable<Found | "cut off"> {
    const chosen = this.#detectors[number];
    if (chosen === undefined) return;
    const { detector, pattern } = chosen;
    const isLast = offset + window.length === text.length;
    const matcher = pattern.matcher(window);
    let from = Math.max(within.start - offset, 0);
    while (from <= window.length && matcher.find(from)) {
      const first = matcher.start();
      if ((!isLast && first > this.#step) || offset + first >= within.end) return;
      // A look-alike can hide the beginning of what is meant: `2024 4111 1111 1111 1111`.
      from = first + 1;
      // At its first place a window can't see what stands before. The last window had that place as well.
      if (offset > 0 && first === 0) continue;
      if (!isLast && matcher.end() === window.length) yield "cut off";
      const { start, end } = firstGroup(matcher);
      const candidate = { start: offset + start, end: offset + end };
      const span = detector.settle === undefined ? candidate : detector.settle(text, candidate);
      if (span === undefined) continue;
      yield { ...span, detectors: [detector.name] };
      from = Math.max(span.end - offset, from);
    }
  }
}

function firstGroup(matcher: Matcher): Span {
  for (let group = 1; group <= matcher.groupCount(); group++) {
    if (matcher.start(group) >= 0) return { start: matcher.start(group), end: matcher.end(group) };
  }
  return { start: matcher.start(), end: matcher.end() };
}
