import {
  type Activity,
  type Clock,
  identityKey,
  type Refusal,
  type Session,
  type SessionLimits,
} from "@gatehouse/core";
import { type Doing, overdue } from "./overdue.ts";

/** Milliseconds between two looks at what is overdue, unless a limit is so short that this would be late. */
const SWEEP = 1000;

/** One open session, as the registry keeps it. */
export interface RegisteredSession {
  /** Aborts when the session has to end; the reason is a Refusal. */
  readonly ended: AbortSignal;
  /** What it does from now on. Called at every command: it notes the word and no time. */
  activity(activity: Activity): void;
  /** It has ended. Later calls do nothing. */
  close(): void;
}

export interface RegistryOptions {
  readonly clock: Clock;
  /** The limits as they are at this moment: a reload holds for open sessions too. */
  readonly limits: () => SessionLimits;
  /**
   * Why a session can't go on, whatever its limits: what let it in was taken back. Asked when it opens too, as that may have
   * happened while it did. Absent where nothing is.
   */
  readonly revoked?: (session: Session) => Omit<Refusal, "reference"> | undefined;
}

/** An identity has as many sessions as it may. */
export class TooManySessions extends Error {
  /** How many that is. */
  readonly limit: number;

  constructor(limit: number) {
    super(`This identity has as many sessions open as it may: ${limit}.`);
    this.limit = limit;
  }
}

/** The sessions that are open now, from log-in to close, and when each of them has to end. */
export class SessionRegistry {
  readonly #options: RegistryOptions;
  readonly #entries = new Set<Entry>();
  readonly #perIdentity = new Map<string, number>();
  #draining: Refusal | undefined;
  #empty: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Counts and opens in one step, so that log-ins at the same moment can't pass the limit together.
   * @throws TooManySessions; nothing is open then
   */
  open(session: Session): RegisteredSession {
    const { perIdentity } = this.#options.limits();
    const key = identityKey(session.identity);
    const open = this.#perIdentity.get(key) ?? 0;
    if (open >= perIdentity) throw new TooManySessions(perIdentity);
    this.#perIdentity.set(key, open + 1);
    const entry = new Entry(session, () => this.#close(entry, key));
    this.#entries.add(entry);
    if (this.#draining) entry.end(this.#draining);
    this.#endRevoked(entry);
    this.#timer ??= this.#schedule();
    return entry;
  }

  /**
   * Ends the sessions that are overdue, or whose entry was taken back. It runs by itself; who has taken something back calls it,
   * and a test with a clock of its own.
   */
  sweep(): void {
    const limits = this.#options.limits();
    const now = this.#options.clock.now();
    for (const entry of this.#entries) {
      this.#endRevoked(entry);
      const ending = overdue(entry.session, entry.doing(now), limits, now);
      if (ending) entry.end({ ...ending, reference: entry.session.id });
    }
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
    for (const entry of this.#entries) entry.drain(reason);
    const timers: NodeJS.Timeout[] = [];
    const after = (delay: number, run: () => void) => timers.push(setTimeout(run, delay));
    await new Promise<void>((resolve) => {
      this.#empty = resolve;
      if (this.#entries.size === 0) resolve();
      after(deadline, () => {
        for (const entry of this.#entries) entry.end(reason);
      });
      after(deadline + grace, resolve);
    });
    for (const timer of timers) clearTimeout(timer);
    return this.#entries.size;
  }

  #endRevoked(entry: Entry): void {
    const revoked = this.#options.revoked?.(entry.session);
    if (revoked) entry.end({ ...revoked, reference: entry.session.id });
  }

  #close(entry: Entry, key: string): void {
    if (!this.#entries.delete(entry)) return;
    const left = (this.#perIdentity.get(key) ?? 1) - 1;
    if (left > 0) this.#perIdentity.set(key, left);
    else this.#perIdentity.delete(key);
    if (this.#entries.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#empty?.();
  }

  /** One timer for all sessions, none while there are none. It keeps no process alive. */
  #schedule(): NodeJS.Timeout {
    const { length, idle, idleInTransaction } = this.#options.limits();
    const interval = Math.min(SWEEP, length / 4, idle / 4, idleInTransaction / 4);
    return setTimeout(() => {
      this.sweep();
      if (this.#entries.size > 0) this.#timer = this.#schedule();
    }, interval).unref();
  }
}

class Entry implements RegisteredSession {
  readonly session: Session;
  readonly close: () => void;
  readonly #controller = new AbortController();
  #activity: Activity = "busy";
  /** When a sweep first saw what it does now. That is late by a sweep at the most, and never early. */
  #since: number | undefined;
  #draining: Refusal | undefined;

  constructor(session: Session, close: () => void) {
    this.session = session;
    this.close = close;
  }

  get ended(): AbortSignal {
    return this.#controller.signal;
  }

  activity(activity: Activity): void {
    if (activity === this.#activity) return;
    this.#activity = activity;
    this.#since = undefined;
    if (activity === "idle" && this.#draining) this.end(this.#draining);
  }

  doing(now: number): Doing {
    this.#since ??= now;
    return { activity: this.#activity, quiet: now - this.#since };
  }

  drain(reason: Refusal): void {
    this.#draining = reason;
    if (this.#activity === "idle") this.end(reason);
  }

  /** The first reason is the one that its client is told. */
  end(reason: Refusal): void {
    this.#controller.abort(reason);
  }
}
