import type { ValueMasks } from "@gatehouse/core";
import { nothingLeft } from "@gatehouse/masking";

/** What stands where nothing may be left. */
export const REDACTED = "***";

/** Hides all of a value, whatever a transform would have left of it; and of what detectors would look at, everything. */
export const hideAll: ValueMasks = {
  transform: (transform) => () =>
    transform.kind === "null" ? null : transform.kind === "constant" ? transform.value : REDACTED,
  detectors: () => () => REDACTED,
  stream: () => nothingLeft,
};
