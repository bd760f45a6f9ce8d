import type { Detector } from "./detector.ts";
import { Locator } from "./locator.ts";
import { covered, type Found, merged, replaced, type Span } from "./spans.ts";
import { Beginnings } from "./stream/beginnings.ts";
import { Outline } from "./stream/outline.ts";
import type { TextTransform } from "./transform.ts";

/** Wide enough that few texts have more than one, narrow enough that a match is found at once. */
const WINDOW = 2048;
/** Above this so much of a text is hidden that the rest is no loss. It bounds what is kept. */
const MAX_FOUND = 100_000;
/**
 * A config's patterns may match texts of any length, and so look at all of it together. Each match may take the time
 * of the whole text (`a(.*b)?`): so many characters may all of them look at, which takes a second or two. A text of
 * 64 KiB can have 256 matches, and one of 4 KiB as many as it likes.
 */
const MAX_LOOKED_AT = 2 ** 24;
/** How often what stands beside something found is looked at again. */
const MAX_ROUNDS = 4;
/** Stands for what was found while the rest is looked at: no letter and no digit, and in no text of PostgreSQL's. */
const BLANK = "\0";

const EVERYWHERE: Span = { start: 0, end: Number.POSITIVE_INFINITY };

export interface MaskedText {
  /** Null where the transform says that nothing may be left. */
  readonly text: string | null;
  /** By which detectors something was found; empty where the text is as it was. */
  readonly detectors: readonly string[];
}

/**
 * Looks for values of some kinds in any text. Its time is linear in the text's length, and bounded for one that is
 * made to be slow. A value that is split over two texts is not seen.
 */
export class Scanner {
  readonly detectors: readonly string[];
  /** Where in a text there can be anything, and where it can be cut in two. */
  readonly outline: Outline;
  readonly #detectors: readonly Detector[];
  #beginnings: Beginnings | undefined;
  readonly #builtIn: Locator;
  /** Apart: its automaton can be of any size. */
  readonly #custom: Locator | undefined;

  constructor(builtIn: readonly Detector[], custom: readonly Detector[]) {
    this.detectors = [...builtIn, ...custom].map(({ name }) => name);
    this.#detectors = [...builtIn, ...custom];
    this.outline = new Outline(builtIn, custom.length > 0);
    this.#builtIn = new Locator(builtIn, WINDOW);
    this.#custom = custom.length > 0 ? new Locator(custom, Number.POSITIVE_INFINITY) : undefined;
  }

  /** What could become a match. Made when it is asked for: it is large, and few texts need it. */
  get beginnings(): Beginnings {
    this.#beginnings ??= new Beginnings(this.#detectors);
    return this.#beginnings;
  }

  /**
   * In order, without overlaps. Once what was found is hidden, nothing is found in the rest: a number behind an address
   * is a number again when the address is gone.
   *
   * @param within where matches begin: what stands around that is for what must stand beside one
   * @param isBehindHidden what stands before that is a part of something that was found already
   */
  find(text: string, within = EVERYWHERE, isBehindHidden = false): readonly Found[] {
    const before = isBehindHidden ? [{ start: 0, end: within.start, detectors: [] }] : [];
    let spans: readonly Found[] = [];
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const rest = round === 0 ? text : blanked(text, [...before, ...spans]);
      const found = this.#locate(rest, within);
      if (found === undefined) return this.#everything(text, within);
      const all = merged([...spans, ...found]);
      if (covered(all) === covered(spans) && (round > 0 || !isBehindHidden)) return spans;
      spans = all;
    }
    return this.#everything(text, within);
  }

  /** The text with everything that is found transformed, and the rest as it is. */
  mask(text: string, transform: TextTransform): MaskedText {
    const spans = this.find(text);
    if (spans.length === 0) return { text, detectors: [] };
    const detectors = [...new Set(spans.flatMap((span) => span.detectors))];
    const shown = spans.map((span) => transform(text.slice(span.start, span.end), span));
    if (shown.includes(null)) return { text: null, detectors };
    return { text: replaced(text, spans, (number) => shown[number] ?? ""), detectors };
  }

  /** Undefined where the rest can't be told from it. */
  #locate(text: string, within: Span): readonly Found[] | undefined {
    const found = this.#builtIn.locate(text, MAX_FOUND, within);
    if (found === undefined || this.#custom === undefined) return found;
    const custom = this.#custom.locate(text, MAX_LOOKED_AT / text.length, within);
    return custom && [...found, ...custom];
  }

  #everything(text: string, { start }: Span): readonly Found[] {
    return [{ start, end: text.length, detectors: this.detectors }];
  }
}

/** As it is looked at once something in it was found. */
export function blanked(text: string, spans: readonly Span[]): string {
  return replaced(text, spans, (_, { start, end }) => BLANK.repeat(end - start));
}
