import type { Answer, Hold } from "./approval.ts";
import type { Identity } from "./identity.ts";

/** What getting in needs, where a policy lets nobody in without somebody's yes. */
export interface AccessTerms {
  /** Each has to be met. `expires`, `reasons` and `message` are as those of a held command; the scope is not looked at. */
  readonly holds: readonly [Hold, ...Hold[]];
  /** Milliseconds that a grant lasts at the most, and where nobody says how long. */
  readonly lasts: number;
}

/** The right of one identity to a level of a target, for a time, by somebody's yes. */
export interface Grant {
  readonly id: string;
  readonly identity: Pick<Identity, "subject" | "kind" | "groups" | "proof">;
  readonly target: string;
  readonly level: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
  /** What had to be met: who could say yes can take it back, and it is good as long as these are the terms. */
  readonly holds: readonly [Hold, ...Hold[]];
  /** The approval that it rests on, who said yes, and why it was asked for. */
  readonly approval: string;
  readonly by: readonly Answer["by"][];
  readonly reason?: string;
  /** Where somebody has taken it back before its end. */
  readonly revoked?: { readonly by: Answer["by"]; readonly at: number; readonly reason?: string };
}
