import type { MaskText, ValueMasks } from "@gatehouse/core";

const MOST = 256;
/** Names of members, identifiers, models: what comes again is short. */
const LONGEST = 64;

/** The same masks, whose detectors are asked once for what comes again in each event of a stream. */
export function remembering(values: ValueMasks): ValueMasks {
  return {
    transform: (transform) => values.transform(transform),
    stream: (masks, options) => values.stream(masks, options),
    detectors: (masks, instead) => remembered(values.detectors(masks, instead)),
  };
}

function remembered(mask: MaskText): MaskText {
  const known = new Map<string, string | null>();
  return (text) => {
    if (text.length > LONGEST) return mask(text);
    const before = known.get(text);
    if (before !== undefined) return before;
    const masked = mask(text);
    // What comes again is soon known again.
    if (known.size === MOST) known.clear();
    known.set(text, masked);
    return masked;
  };
}
