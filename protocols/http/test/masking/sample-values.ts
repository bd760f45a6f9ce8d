import type { Transform, ValueMasks } from "@gatehouse/core";
import { maskOf } from "./masks.ts";

/** What stands for detectors here: addresses, and sixteen digits. */
const FOUND = /[\w.]{1,64}@[\w.]{1,64}|[0-9]{16}/g;

function transformed(transform: Transform, text: string): string | null {
  switch (transform.kind) {
    case "null":
      return null;
    case "redact":
      return "[redacted]";
    case "constant":
      return transform.value;
    case "hash":
      return `[hash:${text.length}]`;
    case "partial":
      return `${text.slice(0, 1)}***`;
  }
}

/** Transforms that can be told apart, and detectors that find what a reader of a test finds. */
export const sampleValues: ValueMasks = {
  transform: (transform) => (text) => transformed(transform, text),
  detectors: (masks) => (text) => {
    let shown: string | null = text;
    for (const { with: transform } of masks) {
      if (shown?.match(FOUND) && transform.kind === "null") shown = null;
      shown = shown?.replace(FOUND, (found) => transformed(transform, found) ?? "") ?? null;
    }
    return shown;
  },
  stream: () => {
    throw new Error("not for streams");
  },
};

/** Looks at everything. */
export const addresses = maskOf({ detect: ["pii.email"] });
