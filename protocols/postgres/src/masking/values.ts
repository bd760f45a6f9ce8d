import type { Mask, Transform } from "@gatehouse/core";

/** The text that stands in a text's place; null for SQL's NULL. The same for the same text. */
export type MaskText = (text: string) => string | null;

/** What texts become, whatever protocol they come by. `redact`, `null` and `constant` look at no text. */
export interface ValueMasks {
  transform(transform: Transform): MaskText;
  /** A text with all that the masks' detectors find in it hidden; the same string where they find nothing. */
  detectors(masks: readonly Mask[]): MaskText;
}

/** What stands where nothing may be left. */
export const REDACTED = "***";

/** Hides all of a value, whatever a transform would have left of it; and of what detectors would look at, everything. */
export const hideAll: ValueMasks = {
  transform: (transform) => () =>
    transform.kind === "null" ? null : transform.kind === "constant" ? transform.value : REDACTED,
  detectors: () => () => REDACTED,
};
