import type { Held } from "@gatehouse/core";
import type { EnforcementOptions } from "../src/enforcement.ts";

/** Approvals of a gateway where no command can wait. */
export const nobodyWaits: EnforcementOptions["approvals"] = {
  reuse: () => undefined,
  hold: () => ({ refused: "too_many" }),
  recall: (approval) => sampleHeld(approval),
  standing: () => Promise.resolve(undefined),
  claim: () => ({ ok: false, approval: "apr_1", refusal: { kind: "policy", message: "No." } }),
};

/** A wait that has ended. */
export function sampleHeld(approval: string): Held {
  return {
    approval,
    notice: { message: "It waits.", detail: "", hint: "" },
    repeat: undefined,
    ended: Promise.resolve(),
    describe: () => undefined,
    gone: () => undefined,
    outcome: () => undefined,
  };
}
