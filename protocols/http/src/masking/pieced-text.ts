import type { MaskingStream } from "@gatehouse/core";

const HALF_OF_A_PAIR = /[\ud800-\udbff]$/;

/** What a text becomes, one step after the other. */
type Steps = readonly MaskingStream[];

/** What the client gets in place of a piece. */
export class Share {
  /** The whole of the text up to and with its piece, in bytes. */
  readonly end: number;
  readonly piece: Buffer;
  readonly #of: PiecedText;
  readonly #given: Buffer[] = [];

  constructor(of: PiecedText, piece: Buffer, end: number) {
    this.#of = of;
    this.piece = piece;
    this.end = end;
  }

  /** Nothing more comes to it. */
  get isSettled(): boolean {
    return this.end <= this.#of.settled;
  }

  get text(): string {
    return Buffer.concat(this.#given).toString("utf8");
  }

  give(bytes: Buffer): void {
    if (bytes.length > 0) this.#given.push(bytes);
  }

  /** Lets its text out, whatever may follow. */
  settle(): void {
    this.#of.flush();
  }
}

/**
 * A text that comes in pieces, each of which has its own place. It is masked as one; what goes out is shared among the pieces: each gets what became of
 * it, and what stands for a value goes to the piece in which that begins.
 */
export class PiecedText {
  readonly #steps: Steps;
  /** Those that may be given more. */
  readonly #open: Share[] = [];
  #length = 0;
  #settled = 0;
  /** The last piece ended amid a character, of which the next one has the rest. */
  #half = "";

  constructor(steps: Steps) {
    this.#steps = steps;
  }

  /** Up to where it has gone out, in bytes of what came. */
  get settled(): number {
    return this.#settled;
  }

  add(piece: string): Share {
    let text = this.#half + piece;
    this.#half = "";
    if (HALF_OF_A_PAIR.test(text)) {
      this.#half = text.slice(-1);
      text = text.slice(0, -1);
    }
    const bytes = Buffer.from(text, "utf8");
    this.#length += bytes.length;
    const share = new Share(this, bytes, this.#length);
    this.#open.push(share);
    this.#give(bytes.length > 0 ? this.#through([bytes], 0) : []);
    return share;
  }

  /** Lets out what is kept back: it has waited long enough, or the text is over. */
  flush(): void {
    if (this.#settled === this.#length) return;
    this.#give(this.#steps.flatMap((step, number) => this.#through(step.flush(), number + 1)));
  }

  #through(pieces: readonly Buffer[], from: number): readonly Buffer[] {
    return this.#steps
      .slice(from)
      .reduce<readonly Buffer[]>((out, step) => out.flatMap((piece) => step.write(piece)), pieces);
  }

  #give(out: readonly Buffer[]): void {
    const kept = this.#steps.reduce((sum, step) => sum + step.kept, 0);
    const settled = Math.max(this.#settled, this.#length - kept);
    const [first] = this.#open;
    if (first === undefined) return;
    const given = Buffer.concat(out);
    if (settled === this.#settled) first.give(given);
    else this.#share(given, settled);
    this.#settled = settled;
    const open = this.#open.findIndex((share) => !share.isSettled);
    this.#open.splice(0, open === -1 ? this.#open.length : open);
  }

  /** @param given became of what came up to there */
  #share(given: Buffer, settled: number): void {
    const from = this.#settled;
    const began = this.#length - this.#open.reduce((sum, { piece }) => sum + piece.length, 0);
    const came = Buffer.concat(this.#open.map(({ piece }) => piece)).subarray(from - began, settled - began);
    const place = placesIn(came, given);
    let at = 0;
    for (const share of this.#open) {
      const end = place(Math.min(share.end, settled) - from);
      share.give(given.subarray(at, end));
      at = end;
      if (share.end >= settled) break;
    }
  }
}

/** For a place in what came the one in what became of it: what stands between the first and the last change is one. */
function placesIn(came: Buffer, given: Buffer): (place: number) => number {
  if (came.equals(given)) return (place) => place;
  const shorter = Math.min(came.length, given.length);
  let start = 0;
  while (start < shorter && came[start] === given[start]) start++;
  let behind = 0;
  while (behind < shorter - start && came[came.length - 1 - behind] === given[given.length - 1 - behind])
    behind++;
  while (start > 0 && (isAmid(came, start) || isAmid(given, start))) start--;
  while (behind > 0 && isAmid(came, came.length - behind)) behind--;
  return (place) => {
    if (place >= came.length - behind) return given.length - (came.length - place);
    return place <= start ? place : given.length - behind;
  };
}

/** Whether a character of UTF-8 begins before a place and ends behind it. */
function isAmid(bytes: Buffer, place: number): boolean {
  return ((bytes[place] ?? 0) & 0xc0) === 0x80;
}
