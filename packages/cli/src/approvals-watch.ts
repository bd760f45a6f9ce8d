import { setTimeout as pause } from "node:timers/promises";
import { type ApprovalBody, approvalSchema } from "@gatehouse/api/bodies";
import { type ErrorCode, GatehouseError, messageOf } from "@gatehouse/core";
import type { ControlPlaneClient } from "./approvals-client.ts";
import type { ListOptions } from "./approvals-options.ts";
import { Screen } from "./approvals-screen.ts";
import { whatOf } from "./approvals-table.ts";
import { visible, visibleJson } from "./approvals-text.ts";
import { print, printError } from "./output.ts";

const PAGE = 100;
/** Milliseconds before a lost stream is asked for again: the first time, and at the most. */
const BACK_OFF = { first: 500, most: 30_000 };

/** After these it is worth asking again. Whatever else a control plane says, it will say again. */
const PASSING: readonly ErrorCode[] = [
  "CONTROL_UNREACHABLE",
  "IDENTITY_UNAVAILABLE",
  "INTERNAL",
  "REQUEST_LIMITED",
  "STORE_FAILED",
];

/** Where changes are shown. */
export interface Watcher {
  /** All that is there at this moment, at the start and whenever changes were lost. */
  listed(approvals: readonly ApprovalBody[]): void;
  changed(event: string, approval: ApprovalBody): void;
  lost(reason: string): void;
  close(): void;
}

/** Follows the changes until the process is told to stop, or the token holds no longer. */
export async function watch(client: ControlPlaneClient, options: ListOptions): Promise<void> {
  const state = options.state === "all" ? undefined : options.state;
  const watcher =
    process.stdout.isTTY && !options.json ? new Screen(state, process.stdout) : lines(options.json);
  const stop = () => {
    watcher.close();
    process.exit(0);
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const stand: Stand = { last: undefined, wasHeard: false, wait: BACK_OFF.first };
  try {
    for (;;) {
      try {
        await follow(client, only(state), watcher, stand);
        watcher.lost("the stream has ended");
      } catch (error) {
        if (!stand.wasHeard || !isPassing(error)) throw error;
        watcher.lost(messageOf(error));
      }
      await pause(stand.wait);
      stand.wait = Math.min(stand.wait * 2, BACK_OFF.most);
    }
  } finally {
    watcher.close();
  }
}

interface Stand {
  /** The id of the last change that has come. */
  last: string | undefined;
  wasHeard: boolean;
  /** Milliseconds before it is tried again. */
  wait: number;
}

/** Follows one stream to its end. */
async function follow(
  client: ControlPlaneClient,
  state: { readonly state?: string },
  watcher: Watcher,
  stand: Stand,
): Promise<void> {
  const list = async () => watcher.listed((await client.list({ ...state, limit: PAGE })).approvals);
  const events = await client.events(stand.last);
  // Once the stream is open: what changes from here on comes by it. Who comes again gets what lies between.
  if (stand.last === undefined) await list();
  stand.wasHeard = true;
  stand.wait = BACK_OFF.first;
  for await (const { id, event, data } of events) {
    if (event === "missed") {
      await list();
      continue;
    }
    stand.last = id;
    watcher.changed(event, approvalSchema.parse(JSON.parse(data)));
  }
}

function only(state: string | undefined): { readonly state?: string } {
  return state === undefined ? {} : { state };
}

/** What a lost connection is, too, has a code of the system's. */
function isPassing(error: unknown): boolean {
  if (error instanceof GatehouseError) return PASSING.includes(error.code);
  return error instanceof Error && "code" in error;
}

/** One line for each change: for a pipe. */
function lines(json: boolean): Watcher {
  const tell = (event: string, approval: ApprovalBody) => {
    if (json) {
      print(visibleJson({ event, approval }, 0));
      return;
    }
    const { id, changedAt, requester, target, level } = approval;
    const what = whatOf(approval).replace(/\s+/g, " ");
    print(visible([changedAt, event, id, requester.subject, `${target}/${level}`, what].join("  ")));
  };
  return {
    listed(approvals) {
      for (const approval of approvals.toReversed()) tell("listed", approval);
    },
    changed: tell,
    lost: (reason) => printError(visible(`connecting again: ${reason}`, process.stderr)),
    close: () => undefined,
  };
}
