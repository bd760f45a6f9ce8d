import type { Detector, OverLines } from "../detector.ts";
import type { Span } from "../spans.ts";

/** Letters that RE2 takes for an s and a k where case does not count (long s, the Kelvin sign), in UTF-8. */
const FOLDED = String.raw`\xc5\xbf|\xe2\x84\xaa`;

/**
 * Where in a text its detectors can find anything, and what of it must be looked at together: told by expressions that cost
 * little. Texts are bytes here, a unit each.
 */
export class Outline {
  /** A config's patterns can match anything, over any number of lines. */
  readonly anywhere: boolean;
  readonly #groups: readonly Group[];
  readonly #heads: readonly { readonly head: RegExp; readonly overLines: OverLines }[];

  constructor(builtIn: readonly Detector[], hasCustom: boolean) {
    this.anywhere = hasCustom || builtIn.some(({ sign }) => sign === undefined);
    this.#groups = groupsOf(builtIn);
    this.#heads = builtIn.flatMap(({ overLines }) =>
      overLines ? [{ overLines, head: new RegExp(overLines.head, "gi") }] : [],
    );
  }

  /** What must not be cut: from a head on, up to where it is over. It can end behind the text. */
  together(latin1: string): readonly Span[] {
    return this.#heads.flatMap(({ head, overLines: { reach, over } }) => {
      const spans: { start: number; end: number; isOver: boolean }[] = [];
      for (const match of latin1.matchAll(head)) {
        const start = match.index;
        const last = spans.at(-1);
        // A text can have a head every few bytes: what they reach is one piece, and its end is looked for once.
        if (last && start < last.end) {
          if (!last.isOver) last.end = start + reach;
          continue;
        }
        const end = over?.(latin1, start + match[0].length);
        spans.push({ start, end: end ?? start + reach, isOver: end !== undefined });
      }
      return spans;
    });
  }

  /** Whole lines, in order, in which there can be something. */
  suspects(latin1: string, together: readonly Span[]): readonly Span[] {
    if (this.anywhere) return [{ start: 0, end: latin1.length }];
    const found: Span[] = together.map(({ start, end }) => wholeLines(latin1, start, end));
    for (const group of this.#groups) found.push(...linesWith(group, latin1));
    const inOrder = found.sort((a, b) => a.start - b.start);
    const joined: Span[] = [];
    for (const span of inOrder) {
      const last = joined.at(-1);
      if (last && span.start < last.end) {
        joined[joined.length - 1] = { start: last.start, end: Math.max(last.end, span.end) };
      } else joined.push(span);
    }
    return joined;
  }
}

interface Group {
  readonly expression: RegExp;
  /** One of these must be in the line as well. */
  readonly signs: RegExp | undefined;
}

/** An expression each: one for all of them would have no first characters that it could skip to. */
function groupsOf(detectors: readonly Detector[]): readonly Group[] {
  const rough = Map.groupBy(detectors, (detector) => detector.rough);
  return [...rough].flatMap(([expression, members]): Group[] => {
    const signs = members.flatMap(({ sign }) => sign ?? []);
    if (expression === undefined) {
      return [...signs, FOLDED].map((sign) => ({ expression: new RegExp(sign, "gi"), signs: undefined }));
    }
    return [{ expression: new RegExp(expression, "g"), signs: new RegExp(signs.join("|"), "i") }];
  });
}

function* linesWith({ expression, signs }: Group, latin1: string): Iterable<Span> {
  expression.lastIndex = 0;
  for (let match = expression.exec(latin1); match !== null; match = expression.exec(latin1)) {
    const lines = wholeLines(latin1, match.index, match.index + 1);
    if (signs === undefined || signs.test(latin1.slice(lines.start, lines.end))) yield lines;
    expression.lastIndex = lines.end;
  }
}

function wholeLines(latin1: string, start: number, end: number): Span {
  const next = latin1.indexOf("\n", Math.max(end - 1, start));
  return {
    start: start === 0 ? 0 : latin1.lastIndexOf("\n", start - 1) + 1,
    end: next === -1 ? latin1.length : next + 1,
  };
}
