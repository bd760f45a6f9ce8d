import type { Mask, Transform, ValueMasks } from "@gatehouse/core";
import {
  chained,
  compileTransform,
  detectorRegistry,
  maskingKey,
  maskingStream,
  type Scanner,
} from "@gatehouse/masking";

const key = maskingKey(Buffer.alloc(32, 1));
const made = detectorRegistry();

function scannerOf(mask: Mask): Scanner {
  const selection = made.ok ? made.registry.select(mask.detect) : made;
  if (!selection.ok) throw new Error(JSON.stringify(selection));
  return selection.scanner;
}

/** Texts masked as the gateway does it. */
export const streamedValues: ValueMasks = {
  transform: (transform: Transform) => compileTransform(transform, key),
  detectors: (masks) => (text) => {
    let masked: string | null = text;
    for (const mask of masks)
      if (masked !== null) masked = scannerOf(mask).mask(masked, compileTransform(mask.with, key)).text;
    return masked;
  },
  stream: (masks, options) =>
    chained(masks.map((mask) => maskingStream(scannerOf(mask), compileTransform(mask.with, key), options))),
};

const WORDS_WITH_SIGN = /[^ ]*@[^ ]*/g;

/** Hides words that have an @, and keeps back the last word: it can be told what waits, and for what. */
export const wordValues: ValueMasks = {
  transform: () => () => "[all]",
  detectors: () => (text) => text.replace(WORDS_WITH_SIGN, "[word]"),
  stream() {
    let kept = "";
    /** A word was let out before it ended: of one that was hidden the rest is as well. */
    let begun: "no" | "shown" | "hidden" = "no";
    const letOut = (text: string): readonly Buffer[] => {
      const out = text.replace(/[^ ]+/g, (word, at: number) => {
        const before = at === 0 ? begun : "no";
        const hidden = word.includes("@") || before === "hidden";
        begun = hidden ? "hidden" : "shown";
        return hidden ? (before === "hidden" ? "" : "[word]") : word;
      });
      if (text.endsWith(" ")) begun = "no";
      return out === "" ? [] : [Buffer.from(out)];
    };
    return {
      write(chunk) {
        kept += chunk.toString("utf8");
        const end = kept.lastIndexOf(" ") + 1;
        const text = kept.slice(0, end);
        kept = kept.slice(end);
        return text === "" ? [] : letOut(text);
      },
      flush() {
        const rest = kept;
        kept = "";
        return letOut(rest);
      },
      get pending() {
        return kept !== "";
      },
      get kept() {
        return Buffer.byteLength(kept);
      },
      found: new Set(),
    };
  },
};
