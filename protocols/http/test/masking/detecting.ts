import type { InsteadOf, Mask, ValueMasks } from "@gatehouse/core";
import {
  chained,
  compileTransform,
  detectorRegistry,
  maskingKey,
  maskingStream,
  type Scanner,
  type TextTransform,
} from "@gatehouse/masking";

const key = maskingKey(Buffer.alloc(32, 1));
const registry = detectorRegistry();

function scannerOf({ detect }: Mask): Scanner {
  const selection = registry.ok ? registry.registry.select(detect) : registry;
  if (!selection.ok) throw new Error("no such detector");
  return selection.scanner;
}

/** The gateway's own detectors. */
export const detecting: ValueMasks = {
  transform: (transform) => compileTransform(transform, key),
  detectors: (masks, instead) => (text) => {
    let masked: string | null = text;
    for (const mask of masks)
      if (masked !== null) masked = scannerOf(mask).mask(masked, transformOf(mask, instead)).text;
    return masked;
  },
  stream: (masks, options) =>
    chained(masks.map((mask) => maskingStream(scannerOf(mask), compileTransform(mask.with, key), options))),
};

function transformOf(mask: Mask, instead: InsteadOf | undefined): TextTransform {
  return instead
    ? (value, found) => instead(value, found?.detectors ?? [])
    : compileTransform(mask.with, key);
}
