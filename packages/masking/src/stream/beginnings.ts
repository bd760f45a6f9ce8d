import { RE2JS } from "re2js";
import type { Detector } from "../detector.ts";
import { placeBetween, programOf, type Step } from "./program.ts";

/** Of a thread whose beginning is hidden already: what it goes on with is hidden as it comes. */
export const OPEN = -1;

/** What one place of a program leads to without a character. */
interface Reach {
  /** Places of characters. */
  readonly characters: Int32Array;
  readonly matches: boolean;
}

/** At the end of what has come, a place can wait for more, and be a match as it is. */
const WAITS = 1;
const MATCHES = 2;
const KNOWN = 4;
/** What stands behind it decides. */
const LOOKS = 8;

/** What stands for what was found already. */
const HIDDEN = 0;
const ASCII = 128;
const MOST_BESIDE = 64;
/** How many beginnings are remembered: texts have some hundreds of characters, and each stands behind some few. */
const MOST_STARTS = 8192;
/** What stands before a place, as far as a pattern can ask for it. */
const PLACES = 64;

/**
 * The patterns of several detectors as one automaton that is fed a character at a time. It runs all that could be a match
 * from every place at once (Thompson 1968), and so knows of each end what could be unfinished there.
 */
export class Beginnings {
  /** By the place of a program: whose it is. */
  readonly #detectors: readonly Detector[];
  readonly #detectorOf: Uint16Array;
  readonly #steps: readonly Step[];
  readonly #starts: readonly number[];
  /** By the place of a character: where it leads to, and which of the tables its class has. */
  readonly #to: Int32Array;
  readonly #classOf: Int32Array;
  readonly #tables: Uint8Array;
  /** By what holds at the place of the text, and the place of the program. */
  readonly #reached = Array.from({ length: PLACES }, () => new Map<number, Reach>());
  /** By what holds and the character that comes: where what begins with it goes on. */
  readonly #begun = new Map<number, Int32Array>();
  readonly #atEnd: Uint8Array;
  readonly #heads = new Map<string, RE2JS>();
  /** In which round a place was seen last: for all streams, since no two run at once. */
  readonly #seenCharacter: Uint32Array;
  readonly #seenPlace: Uint32Array;
  #round = 0;

  constructor(detectors: readonly Detector[]) {
    const steps: Step[] = [];
    const owners: number[] = [];
    const starts: number[] = [];
    for (const [number, { pattern, extent }] of detectors.entries()) {
      const program = programOf(extent?.pattern ?? pattern);
      const offset = steps.length;
      starts.push(program.start + offset);
      for (const step of program.steps) {
        steps.push(moved(step, offset));
        owners.push(number);
      }
    }
    this.#detectors = detectors;
    this.#detectorOf = Uint16Array.from(owners);
    this.#steps = steps;
    this.#starts = starts;
    this.#to = new Int32Array(steps.length);
    this.#classOf = new Int32Array(steps.length);
    const classes = new Map<string, number>();
    const tables: number[] = [];
    for (const [place, step] of steps.entries()) {
      if (step.kind !== "character") continue;
      const known = classes.get(step.class.key) ?? classes.size;
      if (known === classes.size) {
        classes.set(step.class.key, known);
        for (let code = 0; code < ASCII; code++) tables.push(step.class.has(code) ? 1 : 0);
      }
      this.#to[place] = step.to;
      this.#classOf[place] = known * ASCII;
    }
    this.#tables = Uint8Array.from(tables);
    this.#atEnd = new Uint8Array(steps.length);
    this.#seenCharacter = new Uint32Array(steps.length);
    this.#seenPlace = new Uint32Array(steps.length);
  }

  /** Whose thread stands at a place of the program. */
  detectorAt(place: number): Detector | undefined {
    return this.#detectors[this.#detectorOf[place] ?? 0];
  }

  /**
   * One character more.
   * @param at where it stands; a match that begins with it begins there
   * @param isBehindHidden what stands before it is hidden: it counts as such, and as what it is
   */
  feed(threads: Threads, before: number, character: number, at: number, isBehindHidden: boolean): void {
    this.#round = (this.#round + 1) >>> 0 || 1;
    const round = this.#round;
    const { places, starts } = threads;
    const nextPlaces: number[] = [];
    const nextStarts: number[] = [];
    const holds = placeBetween(before, character);
    for (let number = 0; number < places.length; number++) {
      const place = places[number] ?? 0;
      const start = starts[number] ?? 0;
      const reach = this.#reachOf(place, holds);
      if (reach.matches) threads.matched(start, at);
      else if (this.#looks(place) && this.#matchesBeforeHidden(place, before)) threads.beside(start, at);
      for (const one of reach.characters) {
        // In the order of their beginnings: the first that comes to a place is the one that counts.
        if (this.#seenCharacter[one] === round) continue;
        this.#seenCharacter[one] = round;
        if (!this.#has(one, character)) continue;
        const to = this.#to[one] ?? 0;
        if (this.#seenPlace[to] === round) continue;
        this.#seenPlace[to] = round;
        nextPlaces.push(to);
        nextStarts.push(start);
      }
    }
    const begin = (to: number) => {
      if (this.#seenPlace[to] === round) return;
      this.#seenPlace[to] = round;
      nextPlaces.push(to);
      nextStarts.push(at);
    };
    for (const to of this.#begin(holds, character)) begin(to);
    if (isBehindHidden) for (const to of this.#begin(placeBetween(HIDDEN, character), character)) begin(to);
    threads.places = nextPlaces;
    threads.starts = nextStarts;
  }

  /** Where what a detector's certain beginning matches ends, for what begins at a unit of a text. */
  headEnd(pattern: string, text: string, unit: number): number | undefined {
    const head = this.#heads.get(pattern) ?? RE2JS.compile(pattern);
    this.#heads.set(pattern, head);
    const matcher = head.matcher(text);
    return matcher.find(unit) && matcher.start() === unit ? matcher.end() : undefined;
  }

  /** Whether it would be a match, were what stands behind it hidden. */
  #matchesBeforeHidden(place: number, before: number): boolean {
    return this.#reachOf(place, placeBetween(before, HIDDEN)).matches;
  }

  #reachOf(place: number, holds: number): Reach {
    const known = this.#reached[holds]?.get(place);
    if (known !== undefined) return known;
    const reach = this.#reach([place], holds);
    this.#reached[holds]?.set(place, reach);
    return reach;
  }

  #looks(place: number): boolean {
    return (this.#end(place) & LOOKS) !== 0;
  }

  /** Whether a thread waits for more, where nothing more has come yet. */
  waits(place: number): boolean {
    return (this.#end(place) & WAITS) !== 0;
  }

  /** Whether it is a match as it is. */
  matches(place: number): boolean {
    return (this.#end(place) & MATCHES) !== 0;
  }

  #end(place: number): number {
    const known = this.#atEnd[place] ?? 0;
    if (known !== 0) return known;
    let end = KNOWN;
    const seen = new Set<number>([place]);
    for (const one of seen) {
      const step = this.#steps[one];
      if (step?.kind === "either") seen.add(step.first).add(step.second);
      else if (step?.kind === "go") seen.add(step.to);
      else if (step?.kind === "match") end |= MATCHES;
      // What must hold here, what comes next will say.
      else if (step?.kind === "character") end |= WAITS;
      else if (step?.kind === "place") end |= WAITS | LOOKS;
    }
    this.#atEnd[place] = end;
    return end;
  }

  #reach(from: readonly number[], holds: number): Reach {
    const characters: number[] = [];
    let matches = false;
    const seen = new Set<number>(from);
    for (const one of seen) {
      const step = this.#steps[one];
      if (step?.kind === "either") seen.add(step.first).add(step.second);
      else if (step?.kind === "go") seen.add(step.to);
      else if (step?.kind === "place" && (step.needs & ~holds) === 0) seen.add(step.to);
      else if (step?.kind === "match") matches = true;
      else if (step?.kind === "character") characters.push(one);
    }
    return { characters: Int32Array.from(characters), matches };
  }

  #begin(holds: number, character: number): Int32Array {
    const key = character * PLACES + holds;
    const known = this.#begun.get(key);
    if (known !== undefined) return known;
    const { characters } = this.#reach(this.#starts, holds);
    const begun = new Set<number>();
    for (const one of characters) if (this.#has(one, character)) begun.add(this.#to[one] ?? 0);
    if (this.#begun.size >= MOST_STARTS) this.#begun.clear();
    const places = Int32Array.from(begun);
    this.#begun.set(key, places);
    return places;
  }

  #has(place: number, character: number): boolean {
    if (character < ASCII) return this.#tables[(this.#classOf[place] ?? 0) + character] === 1;
    const step = this.#steps[place];
    return step?.kind === "character" && step.class.has(character);
  }
}

/** What could become a match in one text: places of the program, in the order of where in the text they began. */
export class Threads {
  places: number[] = [];
  starts: number[] = [];
  /** Whether any of them has been a match, as far as its pattern can tell. */
  hasMatched = false;
  /** Where the last match of an open one ended; -1 where there was none. */
  openTo = -1;
  /** What is a match if what stands behind it is one, by where it began and where it ended. */
  #beside: { readonly start: number; readonly end: number }[] = [];

  matched(start: number, at: number): void {
    if (start === OPEN) this.openTo = at;
    else this.hasMatched = true;
  }

  beside(start: number, end: number): void {
    if (start !== OPEN && this.#beside.length < MOST_BESIDE) this.#beside.push({ start, end });
  }

  /**
   * Where the first begins that hangs on what stands behind it.
   * @param waiting of what is not over, where the first begins
   */
  besideFrom(waiting: number): number {
    this.#beside = this.#beside.filter(({ end }) => waiting <= end);
    return this.#beside.reduce((from, { start }) => Math.min(from, start), waiting);
  }

  /** What has begun before a place counts as begun there. */
  clamp(from: number): void {
    const { starts } = this;
    for (let number = 0; number < starts.length; number++) {
      const start = starts[number] ?? 0;
      if (start >= from) return;
      if (start !== OPEN) starts[number] = from;
    }
  }

  /** Those for which it is said become open, or are gone. */
  change(by: (place: number, start: number) => "keep" | "open" | "drop"): void {
    const open: number[] = [];
    const places: number[] = [];
    const starts: number[] = [];
    for (const [number, place] of this.places.entries()) {
      const start = this.starts[number] ?? 0;
      const becomes = by(place, start);
      if (becomes === "open") open.push(place);
      if (becomes !== "keep") continue;
      places.push(place);
      starts.push(start);
    }
    this.places = [...open, ...places];
    this.starts = [...open.map(() => OPEN), ...starts];
  }

  /** With those of the same text in another reading. */
  add(others: Threads): void {
    const first = new Map<number, number>();
    for (const { places, starts } of [this, others]) {
      for (const [number, place] of places.entries()) {
        const start = starts[number] ?? 0;
        first.set(place, Math.min(first.get(place) ?? start, start));
      }
    }
    const inOrder = [...first].sort((a, b) => a[1] - b[1]);
    this.places = inOrder.map(([place]) => place);
    this.starts = inOrder.map(([, start]) => start);
    this.hasMatched ||= others.hasMatched;
    this.#beside.push(...others.#beside);
  }
}

function moved(step: Step, by: number): Step {
  switch (step.kind) {
    case "either":
      return { ...step, first: step.first + by, second: step.second + by };
    case "go":
    case "place":
    case "character":
      return { ...step, to: step.to + by };
    case "match":
    case "fail":
      return step;
  }
}
