import type { GrantBody } from "@gatehouse/api/bodies";
import { withClient } from "./approvals-client.ts";
import type { GrantsOptions, RevokeOptions } from "./approvals-options.ts";
import { fitted, lengthOfTime, visible, visibleJson } from "./approvals-text.ts";
import { paint, print } from "./output.ts";

const HEAD = ["ID", "WHO", "WHERE", "LEFT", "BY", "REASON"];
/** Columns of one cell, but for the id's. */
const WIDEST = 40;
const GAP = "  ";

/** `gatehouse grants`: who is let in by somebody's yes, as far as whoever asks may see it. */
export async function list(options: GrantsOptions): Promise<void> {
  await withClient(options, async (client) => {
    const answer = await client.grants();
    if (options.json) print(visibleJson(answer, 2));
    else if (answer.grants.length === 0) print("There is no grant that you may see.");
    else for (const line of grantTable(answer.grants, Date.now())) print(line);
  });
}

/** `gatehouse grants show` */
export async function show(id: string, options: GrantsOptions): Promise<void> {
  await withClient(options, async (client) => {
    const grant = await client.grant(id);
    if (options.json) print(visibleJson(grant, 2));
    else for (const line of grantPage(grant, Date.now())) print(line);
  });
}

/** `gatehouse grants revoke` */
export async function revoke(id: string, options: RevokeOptions): Promise<void> {
  await withClient(options, async (client) => {
    const grant = await client.revoke(id, options.reason);
    if (options.json) {
      print(visibleJson(grant, 2));
      return;
    }
    const { holder, target, level } = grant;
    print(`${paint("green", "✔")} ${visible(`${id} is taken back, and its sessions end`)}`);
    print(`  ${visible(`${holder.subject} on ${target}/${level}`)}`);
  });
}

function grantTable(grants: readonly GrantBody[], now: number): readonly string[] {
  const rows = [HEAD, ...grants.map((grant) => cellsOf(grant, now))].map((row) =>
    row.map((cell, column) => fitted(cell, column === 0 ? undefined : WIDEST)),
  );
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.width ?? 0)));
  return rows.map((row, index) =>
    row
      .map(({ shown, width }, column) => {
        const painted = index === 0 ? paint("dim", shown) : shown;
        return column === row.length - 1 ? painted : painted + " ".repeat((widths[column] ?? 0) - width);
      })
      .join(GAP)
      .trimEnd(),
  );
}

function cellsOf(
  { id, holder, target, level, until, by, reason = "-" }: GrantBody,
  now: number,
): readonly string[] {
  const left = lengthOfTime(Date.parse(until) - now);
  return [
    id,
    holder.subject,
    `${target}/${level}`,
    left,
    by.map(({ subject }) => subject).join(", "),
    reason,
  ];
}

function grantPage(grant: GrantBody, now: number): readonly string[] {
  const { id, holder, target, level, from, until, approval, by, reason, revoked } = grant;
  const left = Date.parse(until) - now;
  const state = revoked ? "taken back" : left > 0 ? `${lengthOfTime(left)} left` : "over";
  const rows: readonly (readonly [string, string])[] = [
    ["Lets in", `${holder.subject} (${[holder.kind, ...holder.groups].join(", ")})`],
    ["To", `${target} as ${level}`],
    ["From", from],
    ["Until", until],
    ["By", by.map(({ subject }) => subject).join(", ")],
    ["Approval", approval],
    ...(reason === undefined ? [] : [["Reason", reason] as const]),
    ...(revoked
      ? [
          [
            "Taken back",
            `by ${revoked.by.subject}, at ${revoked.at}${revoked.reason ? `: ${revoked.reason}` : ""}`,
          ] as const,
        ]
      : []),
  ];
  return [
    `${paint("bold", visible(id))}  ${state}`,
    "",
    ...rows.map(([label, text]) => `${paint("dim", label.padEnd(12))}${fitted(text).shown}`),
  ];
}
