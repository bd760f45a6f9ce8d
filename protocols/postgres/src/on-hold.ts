import type { Held, OpenSession } from "@gatehouse/core";
import type { SessionCatalog } from "./catalog/session-catalog.ts";
import { encodeFlush } from "./codec/framing.ts";
import type { SqlCommand } from "./commands.ts";
import type { Decided } from "./dispatch.ts";
import type { Expectations } from "./expectations.ts";
import { Pending } from "./pending.ts";
import type { Portal } from "./sql-context.ts";
import type { Upstream } from "./upstream.ts";

export interface OnHoldOptions {
  readonly session: OpenSession;
  readonly upstream: Upstream;
  readonly expectations: Expectations;
  readonly catalog: Pick<SessionCatalog, "renew">;
}

/**
 * Has commands decided, and keeps the one that waits for people: one at the most, since all that its client sends behind
 * it waits as well. It is put together anew when the wait has ended, from what is known then, and decided as that.
 */
export class OnHold {
  readonly #options: OnHoldOptions;
  #held: Held | undefined;
  #command: SqlCommand | undefined;
  /** Let through by people, and not answered by the server yet. */
  readonly #running = new Set<Held>();
  /** Portals that are run by an approval: more of their rows is more of the same answer. */
  readonly #portals = new WeakMap<Portal, Held>();

  constructor(options: OnHoldOptions) {
    this.#options = options;
  }

  get held(): Held | undefined {
    return this.#held;
  }

  /** The command that waits, as it was when its wait began. */
  get command(): SqlCommand | undefined {
    return this.#command;
  }

  /**
   * @param portal that was bound before, where it is one that is run
   * @returns Pending while people are asked: the message that carries the command is then to be handed in again
   */
  decide(asked: Omit<Decided, "decided" | "held">, portal?: Portal): Decided | Pending {
    const { session, expectations, upstream, catalog } = this.#options;
    const held = this.#held ?? (portal && this.#portals.get(portal));
    const decided = session.decide(asked.command, held);
    if (decided.effect === "hold") {
      this.#held = decided.held;
      this.#command = asked.command;
      // What was sent before is answered while it waits; without a Sync, the server keeps its answers to itself.
      if (expectations.segmentOpen) upstream.control(encodeFlush());
      // A table that somebody has put in front of the one that was meant must not be taken for it.
      return new Pending(decided.held.ended.then(() => catalog.renew()));
    }
    this.#held = undefined;
    this.#command = undefined;
    if (held === undefined) return { ...asked, decided };
    if (decided.effect === "allow") this.#running.add(held);
    return { ...asked, decided, held };
  }

  /** A portal is on its way to be run. */
  runs(portal: Portal, { held }: Decided): void {
    if (held) this.#portals.set(portal, held);
  }

  /** Whether a portal was let through by people before. */
  continues(portal: Portal): boolean {
    return this.#portals.has(portal);
  }

  /** The message that waited is done with, one way or the other. */
  drop(): void {
    this.#held?.gone("overtaken");
    this.#held = undefined;
    this.#command = undefined;
  }

  /** The server has answered a command that was let through. */
  answered(held: Held, done: boolean): void {
    this.#running.delete(held);
    held.outcome(done ? "done" : "failed");
  }

  /** Nobody will tell what has become of what was let through. */
  lost(): void {
    for (const held of this.#running) held.outcome("in_doubt");
  }
}
