import type { Mask, MaskingStream, ValueMasks } from "@gatehouse/core";
import { chained } from "@gatehouse/masking";
import { Malformed } from "../codec/malformed.ts";
import { HeldBack } from "./held-back.ts";
import type { Sink } from "./sink.ts";

export interface TextTerms {
  readonly values: ValueMasks;
  readonly masks: readonly Mask[];
  /** `lines` costs less; `beginnings` where somebody may wait for each word. */
  readonly keep: "lines" | "beginnings";
  /** What the text goes through behind the masks: both together keep it back for no longer than one. */
  readonly after?: MaskingStream | undefined;
}

/**
 * A text of UTF-8 on its way, masked by detectors. They see what is written: what is encoded within the text (an entity of HTML, an escape) they do not.
 */
export class TextMask implements Sink {
  readonly #held: HeldBack;
  #first: readonly number[] = [];

  constructor({ values, masks, keep, after }: TextTerms, next: Sink) {
    const masking = values.stream(masks, { terminal: false, keep });
    this.#held = new HeldBack(after ? chained([masking, after]) : masking, next);
  }

  write(content: readonly Buffer[]): Promise<void> | undefined {
    for (const piece of content) this.#checkText(piece);
    return this.#held.write(content);
  }

  end(): Promise<void> | undefined {
    return this.#held.end();
  }

  abort(): void {
    this.#held.abort();
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
}
