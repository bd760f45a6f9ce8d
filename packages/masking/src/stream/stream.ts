import type { MaskingStream } from "@gatehouse/core";
import type { Scanner } from "../scanner.ts";
import type { Span } from "../spans.ts";
import type { TextTransform } from "../transform.ts";
import { eagerStream } from "./eager.ts";
import { joined, type Located, locate, shownOf } from "./located.ts";
import { plainView, terminalViews, type View } from "./view.ts";

export interface MaskingStreamOptions {
  /** It is what a terminal shows: control sequences are no text, and may stand in the middle of one. */
  readonly terminal: boolean;
  /** What is kept back (`ValueMasks.stream`). For a terminal it is always lines: what moves its cursor has no words. */
  readonly keep?: "lines" | "beginnings";
  /** Bytes that are kept back at the most, where lines are. */
  readonly most?: number;
}

const MOST = 64 * 1024;
const LINE_END = 0x0a;
/** More than all that a detector of Gatehouse's looks at from one place on, but keys (`OverLines`) and very long tokens. */
const REACH = 8704;
/** A match of a config's pattern may be so long and be found whole, wherever the text was cut into chunks. */
const CUSTOM_REACH = 1024;
/** With a config's patterns so much is looked at together, since time may go by the square of it (`MAX_LOOKED_AT`). */
const CUSTOM_PIECE = 4096;
const CUSTOM_MOST = 16 * 1024;
/** Where lines could not be cut, so much longer must the text be before that is tried again. */
const GROWTH = 1.5;

/**
 * Masks a text that comes in pieces, as bytes of UTF-8.
 *
 * As long as nothing but its end is flushed, what goes out is what `scanner.mask` makes of the whole text, however it was
 * cut. Of three things that is not promised: a line of more than `most` bytes that has a match of more than 8 KB; a match of a
 * config's pattern that is longer than 1024 characters; a text that the scanner would hide whole, since it can't tell its
 * parts: of that as much is hidden as is looked at together.
 *
 * What is flushed while a value is half there shows its first half. It is remembered: when the rest comes and the two are
 * something together, the rest is hidden (and of the value nothing that a partial transform would have left).
 *
 * A transform's null leaves nothing in a value's place.
 *
 * For a terminal, a value is found with sequences, backspaces and CR between its characters, with moves of the cursor for its
 * blanks, and in titles and links. Sequences stay in the text, in order, behind what stands for the value. What is not seen:
 * a value that is not written in the order in which it is read, or is broken into lines by whoever wrote it; and whatever is
 * encoded. This keeps people from seeing what they need not see; it does not keep a program from telling them.
 */
export function maskingStream(
  scanner: Scanner,
  transform: TextTransform,
  options: MaskingStreamOptions,
): MaskingStream {
  if (options.keep === "beginnings" && !options.terminal) return eagerStream(scanner, transform);
  return new ScannedStream(scanner, transform, options);
}

class ScannedStream implements MaskingStream {
  readonly found = new Set<string>();
  readonly #scanner: Scanner;
  readonly #transform: TextTransform;
  readonly #terminal: boolean;
  readonly #most: number;
  readonly #reach: number;
  /** What was shown of the last line or so, for what the rest may make of it, and what is kept back. */
  #chunks: Buffer[] = [];
  #length = 0;
  /** How much of it was shown. */
  #shown = 0;
  /** Up to where the last thing that was hidden goes. */
  #hiddenTo = 0;
  #hasLine = false;
  #tryAt = 0;

  constructor(scanner: Scanner, transform: TextTransform, { terminal, most = MOST }: MaskingStreamOptions) {
    this.#scanner = scanner;
    this.#transform = transform;
    this.#terminal = terminal;
    this.#most = scanner.outline.anywhere ? Math.min(most, CUSTOM_MOST) : most;
    this.#reach = Math.min(REACH, this.#most >>> 1);
  }

  get pending(): boolean {
    return this.#length > this.#shown;
  }

  get kept(): number {
    return this.#length - this.#shown;
  }

  write(chunk: Buffer): readonly Buffer[] {
    if (!this.#scanner.outline.anywhere) return this.#take(chunk);
    const out: Buffer[] = [];
    for (let start = 0; start < chunk.length; start += CUSTOM_PIECE) {
      out.push(...this.#take(chunk.subarray(start, start + CUSTOM_PIECE)));
    }
    return out;
  }

  flush(): readonly Buffer[] {
    if (!this.pending) return [];
    const look = this.#look();
    return this.#release(look, look.located(look.raw.length), look.raw.length);
  }

  #take(chunk: Buffer): readonly Buffer[] {
    this.#length += chunk.length;
    this.#hasLine ||= chunk.includes(LINE_END);
    const kept = this.#length - this.#shown;
    const enough = this.#scanner.outline.anywhere ? 2 * CUSTOM_REACH : 0;
    const due = this.#hasLine && this.#length >= this.#tryAt && kept >= enough;
    if (!due && kept <= this.#most) {
      // A copy: the bytes are their owner's.
      this.#chunks.push(Buffer.from(chunk));
      return [];
    }
    this.#chunks.push(chunk);
    const look = this.#look();
    const [cut, located] = this.#cutAtLine(look);
    if (cut > this.#shown) return this.#release(look, located, cut);
    if (kept > this.#most) return this.#force(look);
    this.#keep(look.raw, 0);
    this.#tryAt = this.#length * GROWTH;
    return [];
  }

  #look(): Look {
    const [only] = this.#chunks;
    const raw = this.#chunks.length === 1 && only ? only : Buffer.concat(this.#chunks);
    return new Look(raw, this.#scanner, this.#terminal, this.#shown);
  }

  /** The last line's end before which nothing can become a part of something, and what is found before it. */
  #cutAtLine(look: Look): readonly [number, readonly Located[]] {
    const { raw } = look;
    if (!this.#scanner.outline.anywhere) {
      const cut = look.lastCut(raw.length);
      return [cut, cut > this.#shown ? look.located(cut) : []];
    }
    const located = look.located(raw.length);
    let cut = look.lastCut(look.placeBehind(CUSTOM_REACH));
    for (let crossing = crossed(located, cut); crossing; crossing = crossed(located, cut)) {
      cut = look.lastCut(crossing.start);
    }
    return [cut, located];
  }

  /** There is too much, and no line that could be cut off. */
  #force(look: Look): readonly Buffer[] {
    const located = look.located(look.raw.length);
    const wanted = look.raw.length - this.#reach;
    const cut = look.characterAt(crossed(located, wanted)?.start ?? wanted);
    return this.#release(look, located, cut > this.#shown ? cut : look.raw.length);
  }

  /** @param cut where nothing that was located goes across */
  #release(look: Look, located: readonly Located[], cut: number): readonly Buffer[] {
    const { raw } = look;
    const out: Buffer[] = [];
    let at = this.#shown;
    for (const one of located) {
      if (one.end <= this.#shown || one.start >= cut) continue;
      const begunShown = one.start < this.#shown;
      if (one.start > at) out.push(raw.subarray(at, one.start));
      // Where its beginning was hidden, something stands for it already.
      if (one.start >= this.#hiddenTo || !begunShown) {
        const { value, detectors } = one;
        const shown = this.#transform(value, { start: 0, end: value.length, detectors, begunShown });
        if (shown) out.push(Buffer.from(shown, "utf8"));
      }
      const controls = shownOf(raw, one, at);
      if (controls.length > 0) out.push(controls);
      for (const name of one.detectors) this.found.add(name);
      this.#hiddenTo = one.end;
      at = one.end;
    }
    if (at < cut) out.push(raw.subarray(at, cut));
    this.#shown = cut;
    this.#keep(raw, look.contextOf(cut));
    this.#hasLine = raw.indexOf(LINE_END, cut) !== -1;
    this.#tryAt = this.#hasLine ? this.#length * GROWTH : 0;
    // Each piece can cost its protocol a packet.
    return out.length > 1 ? [Buffer.concat(out)] : out;
  }

  /** Forgets what stands before a place. */
  #keep(raw: Buffer, from: number): void {
    const rest = raw.subarray(from);
    this.#chunks = rest.length > 0 ? [Buffer.from(rest)] : [];
    this.#length = rest.length;
    this.#shown -= from;
    this.#hiddenTo = Math.max(this.#hiddenTo - from, 0);
  }
}

/** What is there at one moment. */
class Look {
  readonly raw: Buffer;
  readonly #scanner: Scanner;
  readonly #views: readonly View[];
  readonly #shown: number;
  readonly #togetherIn: readonly (readonly Span[])[];
  /** The same in places. */
  readonly #together: readonly Span[];

  constructor(raw: Buffer, scanner: Scanner, terminal: boolean, shown: number) {
    this.raw = raw;
    this.#scanner = scanner;
    this.#shown = shown;
    this.#views = terminal ? terminalViews(raw) : [plainView(raw, raw.toString("latin1"))];
    this.#togetherIn = this.#views.map(({ latin1 }) => scanner.outline.together(latin1));
    this.#together = this.#views.flatMap((view, number) =>
      (this.#togetherIn[number] ?? []).map(({ start, end }) => ({
        start: view.place(start),
        end: end > view.latin1.length ? Number.POSITIVE_INFINITY : view.place(end),
      })),
    );
  }

  /** What is to be hidden in the first so many bytes, and was not shown before. */
  located(to: number): readonly Located[] {
    const all = this.#views.flatMap((view, number) =>
      locate(this.#scanner, view, this.#togetherIn[number] ?? [], this.#shown, to),
    );
    return joined(all);
  }

  /** The last place at or before a limit that is a line's beginning, and not amid what must be looked at together. */
  lastCut(limit: number): number {
    const view = this.#written;
    let cut = this.#lineBefore(view, limit);
    while (cut > 0) {
      const start = this.#firstAround(cut);
      if (start === undefined) break;
      cut = this.#lineBefore(view, start);
    }
    return cut;
  }

  /** So many bytes of text before the end. */
  placeBehind(bytes: number): number {
    const view = this.#written;
    return view.place(Math.max(view.latin1.length - bytes, 0));
  }

  /** Where the character, or the sequence, begins that stands at a place. */
  characterAt(place: number): number {
    const view = this.#written;
    let index = Math.min(view.before(place), view.latin1.length);
    while (index > 0 && ((view.bytes[index] ?? 0) & 0xc0) === 0x80) index--;
    return Math.min(view.place(index), this.raw.length);
  }

  /** From where on what was shown can make a difference for what comes. */
  contextOf(shown: number): number {
    const line = this.lastCut(shown);
    if (shown - line <= REACH) return line;
    const wanted = Math.min(shown - REACH, this.#firstAround(shown) ?? shown);
    return Math.max(line, this.characterAt(wanted));
  }

  get #written(): View {
    const [view] = this.#views;
    if (view === undefined) throw new TypeError("bytes without a view");
    return view;
  }

  #lineBefore(view: View, place: number): number {
    const index = view.before(place);
    const lineEnd = index === 0 ? -1 : view.latin1.lastIndexOf("\n", index - 1);
    return lineEnd === -1 ? 0 : view.place(lineEnd) + 1;
  }

  #firstAround(place: number): number | undefined {
    let first: number | undefined;
    for (const { start, end } of this.#together) {
      if (start < place && place < end && (first === undefined || start < first)) first = start;
    }
    return first;
  }
}

function crossed(located: readonly Located[], place: number): Located | undefined {
  return located.find(({ start, end }) => start < place && place < end);
}
