import { randomBytes } from "node:crypto";
import type { ApprovalEventName } from "@gatehouse/approvals";
import type { Approval } from "@gatehouse/core";

/** Changes that are kept for whoever comes back. */
const KEPT = 1000;
/** Characters of all that they tell of: whoever asks, and takes it back, and asks again, fills no more than this. */
const ROOM = 32 * 1024 * 1024;

/** One change, with the approval as it was then. */
export interface Change {
  readonly id: string;
  readonly event: ApprovalEventName;
  readonly approval: Approval;
}

/** What has happened to approvals lately, in order, so that who was away for a moment misses nothing. */
export class ChangeLog {
  /** Another run of the gateway counts anew: its numbers are not to be taken for this one's. */
  readonly #run = randomBytes(4).toString("hex");
  readonly #changes: Change[] = [];
  readonly #listeners = new Set<(change: Change) => void>();
  #last = 0;
  #size = 0;

  add(event: ApprovalEventName, approval: Approval): void {
    const change = { id: `${this.#run}-${++this.#last}`, event, approval };
    this.#changes.push(change);
    this.#size += sizeOf(change);
    while (this.#changes.length > KEPT || this.#size > ROOM) {
      const oldest = this.#changes.shift();
      if (!oldest) break;
      this.#size -= sizeOf(oldest);
    }
    for (const listener of this.#listeners) listener(change);
  }

  /**
   * Calls `listener` for all that comes from here on, and first for what is kept of what came behind `after`.
   * @returns `missed`: there was more than is kept
   */
  follow(
    after: string | undefined,
    listener: (change: Change) => void,
  ): { readonly missed: boolean; stop(): void } {
    const at = after === undefined ? this.#last : this.#numberOf(after);
    const oldest = this.#last - this.#changes.length;
    const behind = at === undefined ? [] : this.#changes.slice(Math.max(at - oldest, 0));
    for (const change of behind) listener(change);
    this.#listeners.add(listener);
    return {
      missed: at === undefined || at < oldest,
      stop: () => {
        this.#listeners.delete(listener);
      },
    };
  }

  #numberOf(id: string): number | undefined {
    const [, run, number] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(id) ?? [];
    const at = Number(number);
    return run === this.#run && at <= this.#last ? at : undefined;
  }
}

/** Of what a client decides on how long it is. */
function sizeOf({ approval: { command } }: Change): number {
  const { text, outline = "", runs, parameters } = command;
  return [text, outline, ...runs, ...parameters].reduce((sum, part) => sum + (part?.length ?? 0), 0);
}
