import { type Clock, type Logger, messageOf } from "@gatehouse/core";
import { isOver, type Wait, waitOf } from "./waits.ts";

/** Milliseconds after which what has failed is tried again, at the latest. */
const RETRY = 10_000;

interface Living {
  readonly ttl: number;
  wait: Wait;
  busy: boolean;
}

export interface RenewalsOptions {
  readonly renew: (names: readonly string[], ttl: number) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  /** For the log: what it is about. */
  readonly about: object;
}

/** The users of one target that somebody has: each is renewed at half of its time, all that are due at once. */
export class Renewals {
  readonly #options: RenewalsOptions;
  readonly #living = new Map<string, Living>();
  #failing = false;

  constructor(options: RenewalsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#living.size;
  }

  /** When there is something to do; undefined where that is not a question of time. */
  get next(): number | undefined {
    let next: number | undefined;
    for (const { busy, wait } of this.#living.values()) {
      if (!busy && (next === undefined || wait.until < next)) next = wait.until;
    }
    return next;
  }

  add(name: string, ttl: number): void {
    this.#living.set(name, { ttl, wait: waitOf(ttl / 2, this.#options.clock.now()), busy: false });
  }

  delete(name: string): void {
    this.#living.delete(name);
  }

  /** Renews what is due. @returns what it has begun; none rejects */
  begin(): Promise<void>[] {
    const now = this.#options.clock.now();
    const due = new Map<number, Map<string, Living>>();
    for (const [name, living] of this.#living) {
      if (living.busy || !isOver(living.wait, now)) continue;
      const alike = due.get(living.ttl) ?? new Map<string, Living>();
      due.set(living.ttl, alike.set(name, living));
    }
    return [...due].map(([ttl, alike]) => this.#renew(ttl, alike));
  }

  async #renew(ttl: number, due: ReadonlyMap<string, Living>): Promise<void> {
    const { renew, clock, log, about } = this.#options;
    for (const living of due.values()) living.busy = true;
    let next = ttl / 2;
    try {
      await renew([...due.keys()], ttl);
      this.#failing = false;
    } catch (error) {
      next = Math.min(RETRY, ttl / 8);
      // The first says all.
      if (!this.#failing) {
        const fields = { ...about, users: due.size, error: messageOf(error) };
        log.warn(fields, "users were not renewed; it is tried again");
      }
      this.#failing = true;
    }
    for (const living of due.values()) {
      living.busy = false;
      living.wait = waitOf(next, clock.now());
    }
  }
}
