import type { AccessTerms, ApprovalScope, Approvers, Hold } from "@gatehouse/core";
import { formatDuration } from "@gatehouse/documents";
import type { Ending } from "@gatehouse/policy";
import { print, table } from "./output.ts";

/** What has to happen for a held command to go on, rule by rule, and what becomes of it otherwise. */
export function printHolds({ holds, unanswered }: Extract<Ending, { effect: "hold" }>): void {
  for (const hold of holds) {
    print(`  ${hold.rule.rule} (${hold.rule.source})`);
    print(table(termsOf(hold), "    "));
  }
  print(
    unanswered === "refuse"
      ? "  Without an answer it is refused."
      : "  Without an answer it is let through, with more of its answer masked.",
  );
}

/** What somebody needs to get in at the level at all, before any command. */
export function printAccess({ holds, lasts }: AccessTerms): void {
  for (const hold of holds) {
    print(`  needs a grant: the policy ${hold.rule.policy} (${hold.rule.source})`);
    print(table(termsOf(hold, `${formatDuration(lasts)} at the most`), "    "));
  }
}

function termsOf({ approvers, expires, reasons, scope, message }: Hold, lasts = scopeOf(scope)): string[][] {
  return [
    ["approved by", approvers.map(inWords).join(", and by ")],
    ["within", formatDuration(expires)],
    ["good for", lasts],
    ...(reasons.length > 0 ? [["reason given by", reasons.join(" and ")]] : []),
    ...(message === undefined ? [] : [["message", message]]),
  ];
}

/** `2 of dba or sre (human)` */
function inWords({ groups, subjects, kinds, count }: Approvers): string {
  const [whom = "", ...narrowed] = [groups, subjects, kinds]
    .filter((list) => list !== undefined)
    .map((list) => list.join(" or "));
  return `${count} of ${whom}${narrowed.map((words) => ` (${words})`).join("")}`;
}

function scopeOf({ same, for: lasts }: ApprovalScope): string {
  const what = same === "shape" ? "this command with any values" : "this command";
  if (lasts === "once") return `${what}, once`;
  return `${what}, for ${lasts === "session" ? "the rest of the session" : formatDuration(lasts)}`;
}
