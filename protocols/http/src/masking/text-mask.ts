import type { Mask, MaskingStream, ValueMasks } from "@gatehouse/core";
import { Malformed } from "../codec/malformed.ts";
import type { Sink } from "./sink.ts";

/** Milliseconds for which a text is kept back, since what follows could make it something that is to be hidden. */
const DELAY = 200;

export interface TextTerms {
  readonly values: ValueMasks;
  readonly masks: readonly Mask[];
  /** `lines` costs less; `beginnings` where somebody may wait for each word. */
  readonly keep: "lines" | "beginnings";
}

/**
 * A text of UTF-8 on its way, masked by detectors. They see what is written: what is encoded within the text (an entity of HTML, an escape) they do not.
 */
export class TextMask implements Sink {
  readonly #text: MaskingStream;
  readonly #next: Sink;
  /** Runs while something is kept back. */
  #timer: NodeJS.Timeout | undefined;
  /** What the timer has let out is on its way. */
  #room: Promise<void> | undefined;
  #failed: { readonly error: unknown } | undefined;
  #first: readonly number[] = [];

  constructor({ values, masks, keep }: TextTerms, next: Sink) {
    this.#text = values.stream(masks, { terminal: false, keep });
    this.#next = next;
  }

  write(content: readonly Buffer[]): Promise<void> | undefined {
    this.#check();
    return this.#room ? this.#room.then(() => this.#take(content)) : this.#take(content);
  }

  end(): Promise<void> | undefined {
    this.#check();
    this.#stopTimer();
    return this.#room ? this.#room.then(() => this.#end()) : this.#end();
  }

  abort(): void {
    this.#failed ??= { error: new Malformed("it was broken off") };
    this.#stopTimer();
    this.#next.abort();
  }

  #take(content: readonly Buffer[]): Promise<void> | undefined {
    this.#check();
    const out: Buffer[] = [];
    for (const piece of content) {
      this.#checkText(piece);
      out.push(...this.#text.write(piece));
    }
    // After a step forward the time begins anew: what is kept back is the end of what came just now.
    if (out.length > 0) this.#stopTimer();
    if (this.#text.pending) this.#timer ??= this.#flushLater();
    return out.length === 0 ? undefined : this.#next.write(out);
  }

  #end(): Promise<void> | undefined {
    this.#check();
    const rest = this.#text.flush();
    const room = rest.length === 0 ? undefined : this.#next.write(rest);
    return room ? room.then(() => this.#next.end()) : this.#next.end();
  }

  #flushLater(): NodeJS.Timeout {
    const timer = setTimeout(() => {
      // What has come meanwhile is read first: a gateway that is busy must not show half of what is all there.
      setImmediate(() => {
        if (this.#timer === timer) this.#flush();
      });
    }, DELAY);
    return timer;
  }

  #flush(): void {
    this.#stopTimer();
    const rest = this.#text.flush();
    if (rest.length === 0) return;
    try {
      const room = this.#next.write(rest);
      if (room === undefined) return;
      // Nobody may wait for it: whoever comes next is told.
      this.#room = room.then(
        () => {
          this.#room = undefined;
        },
        (error: unknown) => {
          this.#room = undefined;
          this.#failed ??= { error };
        },
      );
    } catch (error) {
      this.#failed ??= { error };
    }
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /**
   * What begins as UTF-16 does is read so by clients, whatever it was said to be (WHATWG Encoding, section 6), and so is to many what has zeros in it:
   * detectors would see nothing in it.
   */
  #checkText(piece: Buffer): void {
    if (this.#first.length < 2) {
      this.#first = [...this.#first, ...piece.subarray(0, 2)].slice(0, 2);
      const [first, second] = this.#first;
      if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
        throw new Malformed("a text in UTF-16 that is not said to be");
      }
    }
    if (piece.includes(0)) throw new Malformed("a text with zeros in it");
  }

  #check(): void {
    if (this.#failed) throw this.#failed.error;
  }
}
