import type { ValueMasks } from "@gatehouse/core";

/** Hides what stands between angle brackets: what is kept back, and for what, can be told at a glance. */
export const hideBrackets: ValueMasks = {
  transform: () => () => "***",
  detectors: () => (text) => text.replaceAll(/<[^>]*>/g, "***"),
  stream() {
    let kept = "";
    const stream = {
      write(chunk: Buffer) {
        kept += chunk.toString("utf8");
        const open = kept.lastIndexOf("<");
        const end = open > kept.lastIndexOf(">") ? open : kept.length;
        const out = kept.slice(0, end).replaceAll(/<[^>]*>/g, "***");
        kept = kept.slice(end);
        return out === "" ? [] : [Buffer.from(out)];
      },
      flush() {
        const rest = kept;
        kept = "";
        return rest === "" ? [] : [Buffer.from(rest)];
      },
      get pending() {
        return kept !== "";
      },
      /** Bytes that are kept back. */
      get kept() {
        return Buffer.byteLength(kept);
      },
      found: new Set<string>(),
    };
    return stream;
  },
};
