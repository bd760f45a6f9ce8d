import type { Mask } from "@gatehouse/core";
import { detectorRegistry } from "@gatehouse/masking";
import t from "tap";
import { openValueMasks } from "../src/value-masks.ts";

function registryOf(patterns: Readonly<Record<string, string>>) {
  const result = detectorRegistry(patterns);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.registry;
}

const badges: Mask = {
  rule: { policy: "p", rule: "badges", source: "p.yaml:1" },
  columns: [],
  detect: ["custom.badge"],
  with: { kind: "redact" },
  predicates: "refuse",
};

t.test(
  "detectors are those of the moment; where a mask's own are gone, nothing is left of a text",
  async (t) => {
    let detectors = registryOf({ "custom.badge": "B-[0-9]+" });
    const values = await openValueMasks(t.testdir(), () => detectors);
    t.equal(values.detectors([badges])("door B-7"), "door [redacted]");
    detectors = registryOf({ "custom.badge": "K-[0-9]+" });
    t.equal(values.detectors([badges])("door K-7"), "door [redacted]");
    detectors = registryOf({});
    t.equal(values.detectors([badges])("door K-7"), null);
  },
);
