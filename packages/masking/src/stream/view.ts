import { controlAt } from "./control.ts";

/** Bytes as they are read: without what no reader sees. */
export interface View {
  readonly bytes: Buffer;
  /** The same, a unit a byte. */
  readonly latin1: string;
  /** Where a byte of the view stands in what came; the view's end is the end of what came. */
  place(index: number): number;
  /** Where the first of what has stood at its place stands. */
  first(index: number): number;
  /** How many of the view's bytes stand before a place. */
  before(place: number): number;
  /** The places of what is hidden when these bytes are. */
  hides(start: number, end: number): Iterable<number>;
}

const LINE_END = 0x0a;
const BLANK = 0x20;
const CR = 0x0d;
const CONTROLS = /[^\t\n\r\x20-\x7e\x80-\xff]|\r(?!\n)|\xc2[\x80-\x9f]/;

/** What no terminal interprets, or has nothing that one would. */
export function plainView(bytes: Buffer, latin1: string): View {
  return {
    bytes,
    latin1,
    place: (index) => index,
    first: (index) => index,
    before: (place) => place,
    *hides(start, end) {
      for (let at = start; at < end; at++) yield at;
    },
  };
}

/**
 * What a terminal's reader sees of bytes, in one view or two. Both are needed: a value can be written with sequences between
 * its characters, or with blanks that are written as a move of the cursor.
 *
 * 1. As it was written: the characters, and nothing of what stands between them. What a backspace goes back over was there.
 * 2. As it stands: what a backspace goes back over is gone, moves are blanks, and strings (titles, links) are lines.
 */
export function terminalViews(bytes: Buffer): readonly View[] {
  const latin1 = bytes.toString("latin1");
  if (!CONTROLS.test(latin1)) return [plainView(bytes, latin1)];
  const written = new ViewBuilder(bytes);
  const standing = new ViewBuilder(bytes);
  let same = true;
  for (let at = 0; at < bytes.length; ) {
    const control = controlAt(bytes, at);
    if (control === undefined) {
      written.add(at);
      standing.add(at++);
      continue;
    }
    if (control.kind !== "nothing") same = false;
    if (control.kind === "move") {
      // A shell's line editor moves on to the next line of the screen by a blank and CR.
      if (bytes[at] === CR && bytes[at - 1] === BLANK) written.dropBlank(at - 1);
      else standing.separate(BLANK, at);
    } else if (control.kind === "back") {
      written.separate(BLANK, at);
      standing.back(at);
    } else if (control.kind === "string") {
      standing.separate(LINE_END, at);
      for (let inner = control.from ?? 0; inner < (control.to ?? 0); inner++) standing.add(inner);
      standing.separate(LINE_END, control.end - 1);
    }
    at = control.end;
  }
  return same ? [written.view()] : [written.view(), standing.view()];
}

class ViewBuilder {
  readonly #from: Buffer;
  readonly #bytes: Buffer;
  readonly #places: Uint32Array;
  #length = 0;
  /** By index: places of what stood there before, and of the backspaces, in order. They are hidden with it. */
  readonly #under = new Map<number, number[]>();
  /** What backspaces have gone back over, the last one first: the next characters stand in these places. */
  readonly #taken: number[][] = [];

  constructor(from: Buffer) {
    this.#from = from;
    // What stands for a control is no longer than it: a string's two line ends stand for two bytes at the least.
    this.#bytes = Buffer.allocUnsafe(from.length);
    this.#places = new Uint32Array(from.length);
  }

  add(place: number): void {
    const byte = this.#from[place] ?? 0;
    const isFirst = (byte & 0xc0) !== 0x80;
    const under = isFirst ? this.#taken.pop() : undefined;
    if (byte === LINE_END) this.#taken.length = 0;
    else if (under) this.#under.set(this.#length, under);
    this.#push(byte, place);
  }

  /** A byte that stands for something at this place, and can't be hidden. */
  separate(byte: number, place: number): void {
    this.#taken.length = 0;
    this.#push(byte, place);
  }

  /** Over one character, but not over what separates. */
  back(at: number): void {
    let start = this.#length - 1;
    while (start > 0 && ((this.#bytes[start] ?? 0) & 0xc0) === 0x80) start--;
    const place = this.#places[start] ?? 0;
    const byte = this.#bytes[start];
    if (start < 0 || byte === LINE_END || byte !== this.#from[place]) return;
    const taken = this.#under.get(start) ?? [];
    this.#under.delete(start);
    for (let index = start; index < this.#length; index++) taken.push(this.#places[index] ?? 0);
    taken.push(at);
    this.#taken.push(taken);
    this.#length = start;
  }

  dropBlank(place: number): void {
    if (this.#length > 0 && this.#places[this.#length - 1] === place) this.#length--;
  }

  view(): View {
    const bytes = this.#bytes.subarray(0, this.#length);
    const places = this.#places.subarray(0, this.#length);
    const under = this.#under;
    const from = this.#from;
    const end = from.length;
    return {
      bytes,
      latin1: bytes.toString("latin1"),
      place: (index) => places[index] ?? end,
      first: (index) => under.get(index)?.[0] ?? places[index] ?? end,
      before: (place) => lowerBound(places, place),
      *hides(first, last) {
        for (let index = first; index < last; index++) {
          yield* under.get(index) ?? [];
          const place = places[index] ?? 0;
          if (bytes[index] === from[place]) yield place;
        }
      },
    };
  }

  #push(byte: number, place: number): void {
    this.#bytes[this.#length] = byte;
    this.#places[this.#length++] = place;
  }
}

/** How many of them are less. They are in order. */
function lowerBound(sorted: Uint32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
