import { byteRate, countRate, type Rate } from "@gatehouse/documents";
import { z } from "zod";

/** What one identity may use of one target. */
export interface Budget {
  readonly requests?: Rate;
  readonly tokens?: Rate;
  readonly bytes?: Rate;
}

export type Resource = keyof Budget;

const SECOND = 1000;
const DAY = 86_400_000;
const PER = { min: SECOND, max: 31 * DAY };
const MOST_BYTES = 1024 ** 4;
const MOST = 1_000_000_000;

/** `budget: { requests: 60/1m, tokens: 100000/1h, bytes: 100MiB/1d }`. */
export function budgetSetting() {
  return z
    .strictObject({
      requests: countRate({ most: MOST, per: PER })
        .exactOptional()
        .describe("Requests of one identity: `60/1m`."),
      tokens: countRate({ most: MOST, per: PER })
        .exactOptional()
        .describe("Tokens of a model that one identity's requests and their answers may cost: `100000/1h`."),
      bytes: byteRate({ most: MOST_BYTES, per: PER })
        .exactOptional()
        .describe("Bytes of the bodies of one identity's requests and their answers: `100MiB/1d`."),
    })
    .default({})
    .describe("How much one identity may use of the target; without one there is no bound.");
}
