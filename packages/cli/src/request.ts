import { setTimeout as pause } from "node:timers/promises";
import type { ApprovalBody, GrantBody } from "@gatehouse/api/bodies";
import { type ControlPlaneClient, withClient } from "./approvals-client.ts";
import type { RequestOptions } from "./approvals-options.ts";
import { neededOf, whatOf } from "./approvals-table.ts";
import { lengthOfTime, visible, visibleJson } from "./approvals-text.ts";
import { Failed, paint, print, printError } from "./output.ts";

/** Milliseconds between two looks at what has become of it. */
const LOOK = 1_000;

/** `gatehouse request`: asks for a grant, and waits for it where that is wanted. */
export async function request(target: string, options: RequestOptions): Promise<void> {
  await withClient(options, async (client) => {
    const approval = await client.request({
      ...{ target, level: options.as },
      ...(options.for === undefined ? {} : { for: options.for }),
      ...(options.reason === undefined ? {} : { reason: options.reason }),
    });
    if (!options.wait) {
      if (options.json) print(visibleJson(approval, 2));
      else printAsked(approval);
      return;
    }
    if (!options.json) printAsked(approval);
    const ended = await endOf(client, approval);
    const { grants } = await client.grants();
    const grant = grants.find((one) => one.approval === approval.id);
    if (options.json) print(visibleJson({ approval: ended, ...(grant ? { grant } : {}) }, 2));
    else if (grant) printGranted(grant);
    else printError(`${paint("red", "✘", process.stderr)} ${visible(reasonOf(ended), process.stderr)}`);
    if (!grant) throw new Failed();
  });
}

function printAsked(approval: ApprovalBody): void {
  const { id, missing, expiresAt } = approval;
  const left = lengthOfTime(Date.parse(expiresAt) - Date.now());
  print(visible(`${id}  ${whatOf(approval)}`));
  print(
    `  waits for ${visible(missing.map(neededOf).join("; "))}, for ${left}: gatehouse approve ${visible(id)}`,
  );
}

function printGranted({ id, target, level, until }: GrantBody): void {
  const left = lengthOfTime(Date.parse(until) - Date.now());
  print(
    `${paint("green", "✔")} ${visible(`${id}: in to ${target} as ${level} for ${left}, until ${until}`)}`,
  );
}

/** What was asked for when nothing more happens to it. */
async function endOf(client: ControlPlaneClient, asked: ApprovalBody): Promise<ApprovalBody> {
  let approval = asked;
  // Approved is not granted yet: that comes with its outcome.
  while (
    approval.state === "pending" ||
    approval.state === "approved" ||
    (approval.state === "spent" && approval.outcome === undefined)
  ) {
    await pause(LOOK);
    approval = await client.show(asked.id);
  }
  return approval;
}

/** Why there is no grant. */
function reasonOf({ id, state, answers, why }: ApprovalBody): string {
  const no = answers.find(({ answer }) => answer === "deny");
  if (no) return `denied by ${no.by.subject}${no.reason === undefined ? "" : `: “${no.reason}”`}`;
  if (state === "expired") return "nobody has answered in time";
  if (state === "void") return `void: ${(why ?? "changed").replaceAll("_", " ")}`;
  return `${id} was approved, and there is no grant: it was taken back, or could not be put on record`;
}
