/** What became of telling others about an approval by one webhook. */
export interface Delivery {
  readonly webhook: string;
  /** What was told: `requested`, `approved` ... */
  readonly event: string;
  readonly state: "waiting" | "delivered" | "given up";
  readonly attempts: number;
  /** Of the last attempt: a status, or why there was none; never what the other side said. */
  readonly last?: string;
  /** Milliseconds since the epoch: of the next attempt, where one is to come. */
  readonly next?: number;
}
