import type { ValueMasks } from "@gatehouse/core";

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
