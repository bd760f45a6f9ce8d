import type { Mask, ValueMasks } from "@gatehouse/core";
import {
  compileTransform,
  detectorRegistry,
  maskingKey,
  maskingStream,
  type Scanner,
} from "@gatehouse/masking";

const key = maskingKey(Buffer.alloc(32, 1));
const registry = detectorRegistry();

function scannerOf({ detect }: Mask): Scanner {
  const selection = registry.ok ? registry.registry.select(detect) : registry;
  if (!selection.ok) throw new Error("no such detector");
  return selection.scanner;
}

/** The gateway's own detectors; of several masks, the first. */
export const detecting: ValueMasks = {
  transform: (transform) => compileTransform(transform, key),
  detectors:
    ([mask]) =>
    (text) =>
      mask ? scannerOf(mask).mask(text, compileTransform(mask.with, key)).text : text,
  stream([mask], options) {
    if (mask === undefined) throw new Error("no mask");
    return maskingStream(scannerOf(mask), compileTransform(mask.with, key), options);
  },
};

export function maskOf(more: Partial<Mask>): Mask {
  const rule = { policy: "test", rule: "a mask", source: "test:1" };
  return { rule, columns: [], detect: [], with: { kind: "redact" }, predicates: "refuse", ...more };
}

export const CANARY = "anna.keller@example.com";
export const contacts = maskOf({ detect: ["pii.*"] });
