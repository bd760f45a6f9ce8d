import { DETECTOR_NAME, detectorRegistry } from "@gatehouse/masking";
import { z } from "zod";

/** A config's own patterns by name -> all detectors, those that come with Gatehouse included. */
export function detectors() {
  return z
    .record(z.string(), z.string())
    .meta({ propertyNames: { pattern: DETECTOR_NAME.source } })
    .transform((patterns, context) => {
      const result = detectorRegistry(patterns);
      if (result.ok) return result.registry;
      for (const { name, message, atName } of result.problems) {
        context.addIssue({ code: "custom", path: [name], message, params: { atKey: atName } });
      }
      return z.NEVER;
    });
}
