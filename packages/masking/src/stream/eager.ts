import type { MaskingStream } from "@gatehouse/core";
import type { Detector } from "../detector.ts";
import { blanked, type Scanner } from "../scanner.ts";
import type { Span } from "../spans.ts";
import type { TextTransform } from "../transform.ts";
import { OPEN, Threads } from "./beginnings.ts";
import { characterAt, decode } from "./decode.ts";

/** Bytes that are kept back at the most. */
const MOST = 256;
/** So much is looked at again, of what was shown while it was half there, and of what is kept back. */
const REACH = 512;
/** More than the longest that a detector finds (a token of 64 KiB): what hides the rest of a text without an end is no value. */
const MOST_OPEN = 72 * 1024;
/** A chunk is looked at in pieces: a config's patterns take time by the square of it (`MAX_LOOKED_AT`). */
const PIECE = 4096;
const NO_CHARACTER = 0xfffd;

/**
 * Masks a text that comes in pieces, for a reader who waits for each word: all goes out at once but what could be unfinished,
 * which are 256 bytes at the most. What is shown is what `scanner.mask` makes of the whole text, where no value is longer than
 * those.
 *
 * Of a value that is longer, what was found of it so far is hidden, and then its rest as it comes. So is what can't be anything
 * else by its beginning (`Extent.certain`). What has no such beginning (an address with a name of 300 letters; a long match of a
 * config's pattern) has its first part shown, and the rest of it hidden.
 *
 * What is flushed while a value is half there shows its first half, which is remembered: its rest is hidden, as far as the two
 * are together not longer than 512 bytes.
 */
export function eagerStream(scanner: Scanner, transform: TextTransform): MaskingStream {
  return new EagerStream(scanner, transform);
}

interface Hidden extends Span {
  readonly value: string;
  readonly detectors: readonly string[];
  /** All of it is there. */
  readonly isWhole: boolean;
}

/** All places are counted from the beginning of the text, in bytes. */
class EagerStream implements MaskingStream {
  readonly found = new Set<string>();
  readonly #scanner: Scanner;
  readonly #transform: TextTransform;
  readonly #threads = new Threads();
  /** What is looked at: a character of context, what was shown of something unfinished, and what is kept back. */
  #window: Buffer = Buffer.alloc(0);
  #windowAt = 0;
  /** What begins before is not of interest any more. */
  #from = 0;
  /** What stands before it is hidden. */
  #isBehindHidden = false;
  #shown = 0;
  /** Whole characters were fed to the threads up to here. */
  #fed = 0;
  /** The character before it; -1 at the text's beginning. */
  #before = -1;
  /** Up to where the last thing that was hidden goes. */
  #hiddenTo = 0;
  /** Where what is hidden as it comes has begun, if there is such. */
  #openAt: number | undefined;
  /** What is open is something already, and not only begun. */
  #openIsFound = false;

  constructor(scanner: Scanner, transform: TextTransform) {
    this.#scanner = scanner;
    this.#transform = transform;
  }

  get pending(): boolean {
    return this.#end > this.#shown;
  }

  get kept(): number {
    return this.#end - this.#shown;
  }

  write(chunk: Buffer): readonly Buffer[] {
    if (chunk.length <= PIECE) return this.#take(chunk);
    const out: Buffer[] = [];
    for (let at = 0; at < chunk.length; at += PIECE) out.push(...this.#take(chunk.subarray(at, at + PIECE)));
    return out;
  }

  flush(): readonly Buffer[] {
    if (!this.pending) return [];
    if (this.#openAt !== undefined && !this.#openIsFound) this.#hideTo(this.#end);
    const located = this.#located(this.#end);
    const out = this.#release(located, this.#end);
    this.#forget(this.#from, located);
    return out;
  }

  get #end(): number {
    return this.#windowAt + this.#window.length;
  }

  #take(chunk: Buffer): readonly Buffer[] {
    this.#window = this.#window.length === 0 ? chunk : Buffer.concat([this.#window, chunk]);
    this.#feed();
    let waitsFrom = this.#waitsFrom();
    const isLong = this.#end - waitsFrom > (waitsFrom < this.#shown ? REACH : MOST);
    if (waitsFrom <= this.#shown && !isLong && this.#end - this.#shown <= MOST) {
      // The bytes are their owner's.
      if (this.#window === chunk) this.#window = Buffer.from(chunk);
      return [];
    }
    let located: readonly Hidden[] = [];
    for (let before = Number.POSITIVE_INFINITY; this.#threads.hasMatched && waitsFrom < before; ) {
      before = waitsFrom;
      located = this.#located(this.#fed, before);
      // With what was found looked away from, more can be unfinished.
      waitsFrom = this.#waitsFrom();
    }
    let cut = notAmid(located, Math.max(waitsFrom, this.#shown));
    if (this.#end - cut > MOST || isLong) {
      const limit = this.#characterFrom(this.#end - MOST);
      if (this.#threads.hasMatched) located = this.#located(this.#fed);
      located = this.#open(located, Math.max(limit, this.#shown));
      cut = Math.max(cut, limit, this.#shown);
      for (const { start, end } of located) if (start < cut && cut < end) cut = end;
    }
    const out = this.#release(located, cut);
    // What stays is found once more: with what stands before it and is no part of it.
    this.#forget(located.some(({ end }) => end > this.#shown) ? this.#from : waitsFrom, located);
    return out;
  }

  /** All whole characters that came. */
  #feed(): void {
    const { beginnings } = this.#scanner;
    const threads = this.#threads;
    const window = this.#window;
    let at = this.#fed - this.#windowAt;
    while (at < window.length) {
      let character = window[at] ?? 0;
      let length = 1;
      if (character >= 0x80) {
        length = characterAt(window, at);
        if (length === 0 && isCutOff(window, at)) break;
        character =
          length === 0 ? NO_CHARACTER : (window.toString("utf8", at, at + length).codePointAt(0) ?? 0);
        length ||= 1;
      }
      const place = this.#windowAt + at;
      beginnings.feed(threads, this.#before, character, place, place === this.#hiddenTo && place > 0);
      this.#before = character;
      at += length;
    }
    this.#fed = this.#windowAt + at;
  }

  /** Where the first begins of what could go on; where the text ends so far, if nothing could. */
  #waitsFrom(): number {
    const { beginnings } = this.#scanner;
    const threads = this.#threads;
    let from = this.#fed;
    let isOpen = false;
    for (const [number, place] of threads.places.entries()) {
      const start = threads.starts[number] ?? 0;
      if (beginnings.matches(place)) threads.matched(start, this.#fed);
      if (!beginnings.waits(place)) continue;
      isOpen ||= start === OPEN;
      if (start !== OPEN && start < from) from = start;
    }
    if (this.#openAt === undefined) return this.#threads.besideFrom(from);
    if (threads.openTo > this.#hiddenTo) {
      this.#openIsFound = true;
      this.#hideTo(threads.openTo);
    }
    if (this.#hiddenTo - this.#openAt > MOST_OPEN) isOpen = false;
    if (isOpen) return this.#hiddenTo;
    this.#openAt = undefined;
    threads.change((_, start) => (start === OPEN ? "drop" : "keep"));
    threads.clamp(this.#hiddenTo);
    return Math.max(from, this.#hiddenTo);
  }

  /**
   * What is to be hidden in the text up to a place, and is of interest.
   * @param before where what is unfinished begins: what the end of the text would make of it is not known
   */
  #located(to: number, before = to): readonly Hidden[] {
    const bytes = this.#window.subarray(0, to - this.#windowAt);
    const { text, byteOf } = decode(bytes, bytes.toString("latin1"));
    const from = unitOf(byteOf, this.#from - this.#windowAt, text.length);
    const end = unitOf(byteOf, before - this.#windowAt, text.length);
    const spans = this.#scanner.find(text, { start: from, end }, this.#isBehindHidden);
    // What ends where the text ends so far can still be something else.
    const settled = spans.filter(({ end }) => end < text.length);
    if (settled.length > 0) this.#feedBlanked(text, settled, from, byteOf);
    return spans.map(({ start, end, detectors }) => ({
      start: this.#windowAt + byteOf(start),
      end: this.#windowAt + byteOf(end),
      value: text.slice(start, end),
      detectors,
      isWhole: true,
    }));
  }

  /** What was found is looked away from: beside it other things can begin. */
  #feedBlanked(text: string, spans: readonly Span[], from: number, byteOf: (unit: number) => number): void {
    const threads = new Threads();
    const rest = blanked(text, spans);
    let before = from === 0 ? -1 : (rest.codePointAt(from - 1) ?? -1);
    for (let unit = from; unit < rest.length; ) {
      const character = rest.codePointAt(unit) ?? 0;
      const place = this.#windowAt + byteOf(unit);
      this.#scanner.beginnings.feed(threads, before, character, place, unit === from && this.#isBehindHidden);
      before = character;
      unit += character > 0xffff ? 2 : 1;
    }
    this.#threads.add(threads);
  }

  /**
   * What can't be kept back any longer and is something, or can't be anything else, is open from now on.
   * @param limit what begins before has to go
   * @returns what is to be hidden, with those of them
   */
  #open(located: readonly Hidden[], limit: number): readonly Hidden[] {
    const { beginnings } = this.#scanner;
    if (this.#openAt !== undefined) {
      if (!this.#openIsFound) this.#hideTo(Math.max(this.#hiddenTo, limit));
      return located;
    }
    const hidden = [...located];
    const opened = new Set<number>();
    for (const [number, place] of this.#threads.places.entries()) {
      const start = this.#threads.starts[number] ?? 0;
      const detector = beginnings.detectorAt(place);
      if (start >= limit || detector === undefined || !beginnings.waits(place)) continue;
      const own = located.filter(({ end, detectors }) => end > start && detectors.includes(detector.name));
      const crossing = own.find((one) => one.start < limit && one.end > limit);
      if (crossing) {
        opened.add(place);
        hidden[located.indexOf(crossing)] = { ...crossing, isWhole: false };
        this.#openIsFound = true;
        continue;
      }
      const from = this.#certainFrom(detector, start, own.length > 0);
      if (from === undefined || from >= limit) continue;
      opened.add(place);
      const value = this.#window.toString("utf8", from - this.#windowAt, this.#fed - this.#windowAt);
      hidden.push({ start: from, end: this.#fed, value, detectors: [detector.name], isWhole: false });
    }
    if (opened.size === 0) return located;
    this.#threads.change((place) => (opened.has(place) ? "open" : "keep"));
    this.#threads.openTo = -1;
    const together = joined(hidden);
    this.#openAt = together.find(({ isWhole }) => !isWhole)?.start ?? limit;
    return together;
  }

  /** From where on something is to be hidden that has begun at a place and can't be anything else. */
  #certainFrom(detector: Detector, start: number, isFound: boolean): number | undefined {
    const certain = detector.extent?.certain;
    if (certain === undefined || (certain.hides === "rest" && isFound)) return undefined;
    const bytes = this.#window.subarray(0, this.#fed - this.#windowAt);
    const { text, byteOf } = decode(bytes, bytes.toString("latin1"));
    const unit = unitOf(byteOf, start - this.#windowAt, text.length);
    const end = this.#scanner.beginnings.headEnd(certain.pattern, text, unit);
    if (end === undefined) return undefined;
    return certain.hides === "all" ? start : this.#windowAt + byteOf(end);
  }

  #hideTo(place: number): void {
    this.#hiddenTo = place;
    this.#shown = Math.max(this.#shown, place);
  }

  /** @param cut where nothing that was located goes across */
  #release(located: readonly Hidden[], cut: number): readonly Buffer[] {
    const out: Buffer[] = [];
    let at = this.#shown;
    const show = (to: number) => {
      if (to > at) out.push(this.#window.subarray(at - this.#windowAt, to - this.#windowAt));
    };
    for (const { start, end, value, detectors, isWhole } of located) {
      if (end <= this.#shown || start >= cut) continue;
      const begunShown = start < this.#shown;
      show(start);
      // Where its beginning was hidden, something stands for it already.
      if (start >= this.#hiddenTo || !begunShown) {
        const found = { start: 0, end: value.length, detectors, begunShown: begunShown || !isWhole };
        const shown = this.#transform(value, found);
        if (shown) out.push(Buffer.from(shown, "utf8"));
      }
      for (const name of detectors) this.found.add(name);
      this.#hiddenTo = end;
      at = end;
    }
    show(cut);
    this.#shown = Math.max(cut, at);
    return out.length > 1 ? [Buffer.concat(out)] : out;
  }

  /** What can make no difference any more. */
  #forget(before: number, located: readonly Span[]): void {
    const waitsFrom = this.#waitsFrom();
    if (waitsFrom >= this.#fed) this.#threads.hasMatched = false;
    const from = Math.max(Math.min(waitsFrom, before), this.#end - REACH, this.#from);
    const next = this.#characterFrom(Math.min(from, this.#shown));
    if (next > this.#from)
      this.#isBehindHidden = located.some(({ start, end }) => start < next && next <= end);
    this.#from = next;
    this.#threads.clamp(this.#from);
    this.#copy();
  }

  /** The window from the character on that stands before what is of interest. */
  #copy(): void {
    const from = this.#from - this.#windowAt;
    let at = Math.max(from - 1, 0);
    while (at > 0 && from - at < 4 && ((this.#window[at] ?? 0) & 0xc0) === 0x80) at--;
    this.#window = Buffer.from(this.#window.subarray(at));
    this.#windowAt += at;
  }

  /** Where the first character begins at a place or behind it. */
  #characterFrom(place: number): number {
    let at = place - this.#windowAt;
    for (let more = 0; more < 3 && at > 0 && ((this.#window[at] ?? 0) & 0xc0) === 0x80; more++) at++;
    return this.#windowAt + at;
  }
}

/** The last place that is not behind another, and not amid anything. */
function notAmid(located: readonly Span[], place: number): number {
  const amid = located.find(({ start, end }) => start < place && place < end);
  return amid === undefined ? place : notAmid(located, amid.start);
}

function joined(all: readonly Hidden[]): readonly Hidden[] {
  const result: Hidden[] = [];
  for (const one of all.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const last = result.at(-1);
    if (last === undefined || one.start >= last.end) {
      result.push(one);
      continue;
    }
    result[result.length - 1] = {
      start: last.start,
      end: Math.max(last.end, one.end),
      value: last.end >= one.end ? last.value : one.value,
      detectors: [...new Set([...last.detectors, ...one.detectors])],
      isWhole: last.isWhole && one.isWhole,
    };
  }
  return result;
}

/** The first unit that begins at a byte or behind it. */
function unitOf(byteOf: (unit: number) => number, byte: number, units: number): number {
  let low = 0;
  let high = units;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (byteOf(middle) < byte) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether the last bytes are the first of a character of which the rest may come. */
function isCutOff(bytes: Buffer, at: number): boolean {
  const rest = bytes.subarray(at);
  return rest.length < 4 && new TextDecoder().decode(rest, { stream: true }) === "";
}
