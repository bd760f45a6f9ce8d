import { randomInt } from "node:crypto";
import type { Mask, MaskText, ValueMasks } from "@gatehouse/core";
import { Malformed } from "../codec/malformed.ts";
import { Restore } from "./restore.ts";

/** Values of one request. */
const MOST = 10_000;
/** Letters without vowels make no word, and without digits no detector takes them for a part of a number. */
const LETTERS = "bcdfghjkmnpqrstvwxz";
const SIGN = 6;
const LONGEST_KIND = 20;

/**
 * What stands for the values that are taken out of one request: `[email-1-kqwzrt]`, the same for the same value. Its last part is drawn for each
 * request: nobody can have written it before, so that what is put back is what was taken out.
 */
export class Placeholders {
  readonly #sign = Array.from({ length: SIGN }, () => LETTERS.charAt(randomInt(LETTERS.length))).join("");
  /** By value. */
  readonly #placeholders = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  /**
   * @param found names of what has found it: of the first, the last word is the kind
   * @throws Malformed where there are too many
   */
  of(value: string, [found = ""]: readonly string[]): string {
    const known = this.#placeholders.get(value);
    if (known !== undefined) return known;
    if (this.#placeholders.size === MOST) throw new Malformed(`there are more than ${MOST} values in it`);
    const kind = kindOf(found);
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    const placeholder = `[${kind}-${count}-${this.#sign}]`;
    this.#placeholders.set(value, placeholder);
    return placeholder;
  }

  /** Puts them back; undefined where nothing was taken out that can be. */
  get restore(): Restore | undefined {
    const restore = new Restore(this.#sign, this.#placeholders);
    return restore.isEmpty ? undefined : restore;
  }
}

/** Whether what a mask takes out is put back. */
export function restores({ requests }: Mask): boolean {
  return requests?.restore === true;
}

/** What masks of requests make of a text. Those that put nothing back come first: what they hide stays hidden. */
export function detectorsWith(
  placeholders: Placeholders,
  masks: readonly Mask[],
  values: ValueMasks,
): MaskText {
  const hide = values.detectors(masks.filter((mask) => !restores(mask)));
  const takeOut = values.detectors(masks.filter(restores), (value, found) => placeholders.of(value, found));
  return (text) => {
    const left = hide(text);
    return left === null ? null : takeOut(left);
  };
}

/** @param name of a detector: `pii.us_ssn` */
function kindOf(name: string): string {
  const word = name.slice(name.lastIndexOf(".") + 1).replace(/[^a-z]/gi, "");
  return word.slice(0, LONGEST_KIND).toLowerCase() || "value";
}
