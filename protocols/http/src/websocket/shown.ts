import type { Mask, ValueMasks } from "@gatehouse/core";
import { Malformed } from "../codec/malformed.ts";
import type { Sink } from "../masking/sink.ts";
import { AnswerText } from "./answer-text.ts";
import type { BinaryPart } from "./frames.ts";
import { Redacted } from "./redacted.ts";

/** What a target says, as its client may see it: without the target's credential, and masked. */
export class Shown {
  readonly #masks: AnswerText;
  readonly #redacted: (next: Sink) => Sink;
  /** Takes a binary message, as long as one is under way. */
  #binary: Redacted | undefined;

  constructor(masks: readonly Mask[], values: ValueMasks, redacted: (next: Sink) => Sink) {
    this.#masks = new AnswerText(masks, values);
    this.#redacted = redacted;
  }

  /** From now on, these masks apply as well. */
  add(masks: readonly Mask[]): void {
    this.#masks.add(masks);
  }

  /** @throws Malformed where it can't be masked */
  async text(bytes: Buffer): Promise<Buffer> {
    const shown = await this.#whole(bytes);
    return this.#masks.isMasked ? Buffer.from(this.#masks.mask(shown.toString("utf8")), "utf8") : shown;
  }

  /**
   * @returns undefined where nothing of it goes on by now: what is kept back goes with what follows
   * @throws Malformed where something would have to be masked in it
   */
  async piece({ content, isFirst, isLast }: BinaryPart): Promise<Buffer | undefined> {
    if (this.#masks.isMasked) throw new Malformed("a binary message, which can't be masked");
    this.#binary ??= new Redacted(this.#redacted);
    const shown = await this.#binary.write(content, isLast);
    if (isLast) this.#binary = undefined;
    return isFirst || isLast || shown.length > 0 ? shown : undefined;
  }

  /** Whether there is nothing in it that has to be hidden. */
  async isPlain(text: string): Promise<boolean> {
    try {
      return this.#masks.mask((await this.#whole(Buffer.from(text))).toString("utf8")) === text;
    } catch (error) {
      if (error instanceof Malformed) return false;
      throw error;
    }
  }

  #whole(bytes: Buffer): Promise<Buffer> {
    return new Redacted(this.#redacted).write(bytes, true);
  }
}
