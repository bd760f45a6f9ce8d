import type { Writable } from "node:stream";
import { type Clock, identityKey, messageOf, type Logger } from "@gatehouse/core";
import type { ApprovalChange, ApprovalDesk } from "@gatehouse/gateway";
import { approvalBody } from "./approval-body.ts";
import type { Caller } from "./doorkeeper.ts";
import { Limited } from "./failure.ts";

/** Bytes that wait for one watcher. */
const BUFFER = 1024 * 1024;
/** Streams of one identity at once. */
const STREAMS = 8;
/** What a timer can count, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

export interface EventStreamsOptions {
  readonly desk: ApprovalDesk;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds between two signs of life. */
  readonly heartbeat: number;
}

/** What a stream begins with. */
export const streamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  // nginx holds an event stream back otherwise.
  "x-accel-buffering": "no",
};

/** The changes of approvals, as server-sent events (HTML, section 9.2). */
export class EventStreams {
  readonly #desk: ApprovalDesk;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #heartbeat: number;
  readonly #open = new Map<Writable, string>();

  constructor({ desk, clock, log, heartbeat }: EventStreamsOptions) {
    this.#desk = desk;
    this.#clock = clock;
    this.#log = log;
    this.#heartbeat = heartbeat;
  }

  /**
   * Writes to `to` until its client leaves, is too slow, or has no token that holds any more.
   * @param after the id of the last event that the client has
   * @param begin called when nothing can fail any more, before anything is written
   * @throws Limited where the identity watches too much already
   */
  serve(caller: Caller, after: string | undefined, to: Writable, begin: () => void): void {
    // Gone while its token was looked at: nothing would ever end the watch.
    if (to.destroyed) return;
    const { subject, expiresAt } = caller.identity;
    const watcher = identityKey(caller.identity);
    if ([...this.#open.values()].filter((one) => one === watcher).length >= STREAMS)
      throw new Limited(this.#heartbeat, `No identity has more than ${STREAMS} event streams at once.`);

    // What is behind `after` may come before it is known whether something is missing in front of it.
    let early: ApprovalChange[] | undefined = [];
    const write = (text: string, taken: () => void = () => undefined) => {
      if (to.destroyed || to.writableEnded) return;
      to.write(text, taken);
      // Cut off, never waited for: it comes again with the id of the last event that it has.
      if (to.writableLength > BUFFER) to.destroy();
    };
    const tell = (change: ApprovalChange) => write(eventOf(change));
    const watching = this.#desk.watch(caller.identity, after, (change) => {
      if (early) early.push(change);
      else tell(change);
    });
    this.#open.set(to, watcher);

    let isBehind = false;
    const heartbeat = setInterval(() => {
      // Whoever has not taken the last sign of life until the next one is due will not catch up.
      if (isBehind) {
        to.destroy();
        return;
      }
      caller.again().catch((error: unknown) => {
        this.#log.debug({ subject, reason: messageOf(error) }, "an event stream ends with its token");
        to.end();
      });
      isBehind = true;
      write(":\n\n", () => {
        isBehind = false;
      });
    }, this.#heartbeat);
    const left = Math.min(Math.max(0, expiresAt - this.#clock.now()), LONGEST_TIMER);
    const expiry = setTimeout(() => to.end(), left);
    to.once("close", () => {
      clearInterval(heartbeat);
      clearTimeout(expiry);
      watching.stop();
      this.#open.delete(to);
    });

    begin();
    write(":\n\n");
    if (watching.missed) write("event: missed\ndata: {}\n\n");
    for (const change of early) tell(change);
    early = undefined;
  }

  /** Ends all of them. */
  close(): void {
    for (const stream of this.#open.keys()) stream.end();
  }
}

function eventOf({ id, event, view }: ApprovalChange): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(approvalBody(view, "cut"))}\n\n`;
}
