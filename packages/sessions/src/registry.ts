import type { Refusal, Session } from "@gatehouse/core";

/** One open session, as the registry keeps it. */
export interface RegisteredSession {
  /** Aborts when the session has to end; the reason is a Refusal. */
  readonly ended: AbortSignal;
  /** Nothing of the client's is under way: ending the session now takes nothing from it. */
  idle(idle: boolean): void;
  /** It has ended. Later calls do nothing. */
  close(): void;
}

interface Entry {
  readonly session: Session;
  readonly controller: AbortController;
  idle: boolean;
}

/** The sessions that are open now, from log-in to close. */
export class SessionRegistry {
  readonly #entries = new Set<Entry>();
  #draining: Refusal | undefined;
  #empty: (() => void) | undefined;

  get size(): number {
    return this.#entries.size;
  }

  open(session: Session): RegisteredSession {
    const entry: Entry = { session, controller: new AbortController(), idle: false };
    this.#entries.add(entry);
    if (this.#draining) entry.controller.abort(this.#draining);
    return {
      ended: entry.controller.signal,
      idle: (idle) => {
        entry.idle = idle;
        if (idle && this.#draining) entry.controller.abort(this.#draining);
      },
      close: () => {
        this.#entries.delete(entry);
        if (this.#entries.size === 0) this.#empty?.();
      },
    };
  }

  /**
   * Ends every session with `reason`: idle ones at once, the others as soon as they are idle, and what is
   * left at the deadline all the same. Resolves when none is open, or `grace` after the deadline.
   * @param deadline milliseconds from now
   * @param grace milliseconds that a session has to close once it was told
   * @returns how many did not close
   */
  async drain(reason: Refusal, deadline: number, grace: number): Promise<number> {
    this.#draining = reason;
    for (const entry of this.#entries) if (entry.idle) entry.controller.abort(reason);
    const timers: NodeJS.Timeout[] = [];
    const after = (delay: number, run: () => void) => timers.push(setTimeout(run, delay));
    await new Promise<void>((resolve) => {
      this.#empty = resolve;
      if (this.#entries.size === 0) resolve();
      after(deadline, () => {
        for (const entry of this.#entries) entry.controller.abort(reason);
      });
      after(deadline + grace, resolve);
    });
    for (const timer of timers) clearTimeout(timer);
    return this.#entries.size;
  }
}
