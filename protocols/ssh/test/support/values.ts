import type { ValueMasks } from "@gatehouse/core";

/** Every text becomes stars; as a stream, what stands between angle brackets. */
export const hideAll: ValueMasks = {
  transform: () => () => "***",
  detectors: () => () => "***",
  stream() {
    let kept = "";
    const found = new Set<string>();
    const take = (): readonly Buffer[] => {
      const open = kept.lastIndexOf("<");
      const end = open > kept.lastIndexOf(">") ? open : kept.length;
      const out = kept.slice(0, end).replaceAll(/<[^>]*>/g, () => {
        found.add("angle");
        return "***";
      });
      kept = kept.slice(end);
      return out === "" ? [] : [Buffer.from(out)];
    };
    return {
      write(chunk) {
        kept += chunk.toString("utf8");
        return take();
      },
      flush() {
        const rest = kept;
        kept = "";
        return rest === "" ? [] : [Buffer.from(rest)];
      },
      get pending() {
        return kept !== "";
      },
      get kept() {
        return Buffer.byteLength(kept);
      },
      found,
    };
  },
};
