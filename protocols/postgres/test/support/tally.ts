import type { Test } from "tap";
import type { Verdict } from "./grants.ts";

/** Counts verdicts, and says which texts the analysis was wrong about. */
export class Tally {
  readonly missed: { readonly text: string; readonly message: string }[] = [];
  readonly counts = { held: 0, missed: 0, unknown: 0, "not judged": 0 };
  readonly faults = new Map<string, string>();

  add(text: string, verdict: Verdict): void {
    this.counts[verdict.kind]++;
    if (verdict.kind === "missed") this.missed.push({ text, message: verdict.message });
    if (verdict.kind === "not judged") this.faults.set(text, verdict.why);
  }

  get figures(): string {
    const { held, missed, unknown } = this.counts;
    const rate = ((100 * unknown) / (held + missed + unknown)).toFixed(1);
    return `${held} held, ${missed} confidently wrong, ${unknown} unknown (${rate} %), ${this.counts["not judged"]} not judged`;
  }
}

/** Prints the figures, and fails where something was missed. */
export function end(t: Test, tally: Tally): void {
  t.comment(`figures: ${t.name}: ${tally.figures}`);
  t.strictSame(tally.missed, []);
  t.ok(tally.counts.held > 0, "some of them could be judged");
}
