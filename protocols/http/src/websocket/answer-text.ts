import type { Mask, MaskText, ValueMasks } from "@gatehouse/core";
import { Malformed } from "../codec/malformed.ts";
import { answerMasks } from "../masking/answer-mask.ts";
import { JsonMasks } from "../masking/json-masks.ts";
import { rewrittenWhole } from "../masking/json-rewrite.ts";
import { withoutEscapes } from "../masking/nearly-json.ts";

/**
 * The masks of one WebSocket: of the request that it was asked for by, and of each message that was let through since. Whatever the target says
 * may be the answer to any of them.
 */
export class AnswerText {
  readonly #values: ValueMasks;
  #masks: readonly Mask[] = [];
  #json: JsonMasks | undefined;
  #detect: MaskText = (text) => text;
  #hasFields = false;

  constructor(masks: readonly Mask[], values: ValueMasks) {
    this.#values = values;
    this.add(masks);
  }

  /** Whether anything has to be hidden. */
  get isMasked(): boolean {
    return this.#masks.length > 0;
  }

  add(masks: readonly Mask[]): void {
    const more = answerMasks(masks).filter((mask) => !this.#masks.includes(mask));
    if (more.length === 0) return;
    this.#masks = [...this.#masks, ...more];
    this.#hasFields = this.#masks.some(({ fields = [] }) => fields.length > 0);
    this.#json = new JsonMasks(this.#masks, this.#values);
    this.#detect = this.#values.detectors(this.#masks.filter(({ detect }) => detect.length > 0));
  }

  /**
   * A message as the client gets it, by itself: what is cut over several is not found.
   * @throws Malformed where it can't be masked for certain
   */
  mask(text: string): string {
    if (this.#json === undefined) return text;
    const json = rewritten(text, this.#json);
    if (json !== undefined) return json;
    // Where a path leads in something that only some take for JSON, nobody can say.
    if (this.#hasFields) throw new Malformed("a text that is no JSON");
    const shown = this.#detect(text) ?? "";
    const read = withoutEscapes(shown);
    if (read !== shown && this.#detect(read) !== read)
      throw new Malformed("a text with escapes in what is hidden");
    return shown;
  }
}

/** @returns undefined where it is no JSON */
function rewritten(text: string, masks: JsonMasks): string | undefined {
  if (!/^[\t\n\r ]*[[{"0-9-]/.test(text)) return undefined;
  try {
    return rewrittenWhole(text, masks);
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}
