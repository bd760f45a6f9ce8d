import type { ApprovalBody } from "@gatehouse/api/bodies";
import { withClient } from "./approvals-client.ts";
import type { AnswerOptions, ListOptions, ShowOptions } from "./approvals-options.ts";
import { approvalPage } from "./approvals-page.ts";
import { approvalTable, neededOf, whatOf } from "./approvals-table.ts";
import { visible, visibleJson } from "./approvals-text.ts";
import { watch } from "./approvals-watch.ts";
import { paint, print } from "./output.ts";

/** Columns where there is no terminal. */
const UNBOUNDED = { table: Number.POSITIVE_INFINITY, page: 110 };
const PAGE = 100;

/** `gatehouse approvals`: what waits for people, as far as whoever asks may see it. */
export async function list(options: ListOptions): Promise<void> {
  await withClient(options, async (client) => {
    if (options.watch) return watch(client, options);
    const page = await client.list({
      ...(options.state === "all" ? {} : { state: options.state }),
      ...(options.before === undefined ? {} : { before: options.before }),
      limit: PAGE,
    });
    if (options.json) {
      print(visibleJson(page, 2));
      return;
    }
    const { approvals, next } = page;
    if (approvals.length === 0 && next === undefined) {
      print(nothing(options.state));
      return;
    }
    for (const line of approvalTable(
      approvals,
      process.stdout.isTTY ? process.stdout.columns : UNBOUNDED.table,
      Date.now(),
    ))
      print(line);
    if (next !== undefined) print(`There may be more: --before ${visible(next)}`);
  });
}

/** `gatehouse approvals show` */
export async function show(id: string, options: ShowOptions): Promise<void> {
  await withClient(options, async (client) => {
    const approval = await client.show(id);
    if (options.json) {
      print(visibleJson(approval, 2));
      return;
    }
    const width = process.stdout.isTTY ? process.stdout.columns : UNBOUNDED.page;
    for (const line of approvalPage(approval, { width, full: options.full, now: Date.now() })) print(line);
  });
}

/** `gatehouse approve` and `gatehouse deny` */
export async function answer(id: string, given: "approve" | "deny", options: AnswerOptions): Promise<void> {
  await withClient(options, async (client) => {
    const approval = await client.answer(id, given, options.reason);
    if (options.json) {
      print(visibleJson(approval, 2));
      return;
    }
    print(`${paint("green", "✔")} ${visible(outcomeOf(approval, given))}`);
    const { requester, target, level } = approval;
    print(`  ${visible(`${whatOf(approval)} on ${target}/${level}, asked for by ${requester.subject}`)}`);
  });
}

function outcomeOf({ id, state, missing }: ApprovalBody, given: "approve" | "deny"): string {
  if (given === "deny") return `${id} is denied`;
  if (state !== "pending") return `${id} is approved`;
  return `your yes to ${id} is on record; still needed: ${missing.map(neededOf).join("; ")}`;
}

function nothing(state: string): string {
  if (state === "pending") return "Nothing waits that you may see.";
  return state === "all" ? "There is nothing that you may see." : `Nothing that you may see is ${state}.`;
}
