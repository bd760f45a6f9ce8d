import { type Clock, type Logger, messageOf, type RevocationReason, type Survey } from "@gatehouse/core";
import { epochOf } from "./names.ts";
import { isOver, noWait, waitOf } from "./waits.ts";

/** In milliseconds. */
const PERIOD = 20_000;
/** For how long, and how many times one after the other, a gateway has not been seen when it is taken for gone. */
const GONE_AFTER = 30_000;
/** Counted too, since a clock that is set forward is no time that has passed. */
const LOOKS = 3;
/** Names that are remembered as somebody else's, so that they are logged once. */
const MAX_STRANGERS = 1000;

interface Absence {
  since: number;
  looks: number;
}

export interface ReaperOptions {
  readonly epoch: string;
  /** Of earlier runs: over for certain. */
  readonly dead: ReadonlySet<string>;
  /** The names of this run's own users, and of those that are to be users in a moment. */
  readonly own: () => ReadonlySet<string>;
  readonly survey: () => Promise<Survey>;
  readonly tidy: () => Promise<void>;
  readonly reap: (name: string, why: RevocationReason) => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** For the log: what it is about. */
  readonly about: object;
}

/** Looks at one target, again and again, for users that no living session has. */
export class Reaper {
  readonly #options: ReaperOptions;
  readonly #absent = new Map<string, Absence>();
  readonly #strangers = new Set<string>();
  #wait = noWait;
  #busy = false;
  #closed = false;
  #failure: string | undefined;

  constructor(options: ReaperOptions) {
    this.#options = options;
  }

  get trouble(): string | undefined {
    return this.#failure;
  }

  /** When there is something to do; undefined where that is not a question of time. */
  get next(): number | undefined {
    return this.#busy || this.#closed ? undefined : this.#wait.until;
  }

  /** Looks as soon as it can. */
  hurry(): void {
    this.#wait = noWait;
  }

  close(): void {
    this.#closed = true;
  }

  /** Looks, where that is due. @returns undefined where it is not; never rejects */
  begin(): Promise<void> | undefined {
    const now = this.#options.clock.now();
    if (this.#busy || this.#closed || !isOver(this.#wait, now)) return undefined;
    this.#wait = waitOf(PERIOD, now);
    return this.#look();
  }

  async #look(): Promise<void> {
    const { own, survey, tidy, log, about } = this.#options;
    this.#busy = true;
    // One that is there no more when the answer comes was known when it was asked for, and one that is new is known now.
    const before = own();
    try {
      const found = await survey();
      this.#judge(found, before);
      await tidy();
      this.#failure = undefined;
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== this.#failure) {
        log.warn({ ...about, reason }, "a target could not be looked at for users that nobody has");
      }
      this.#failure = reason;
    } finally {
      this.#busy = false;
    }
  }

  #judge({ users, present }: Survey, before: ReadonlySet<string>): void {
    const { epoch: ownEpoch, dead, own, reap } = this.#options;
    if (this.#closed) return;
    const now = own();
    // Who does not see themselves does not see others either: nobody is gone for that.
    const sees = present.has(ownEpoch);
    const others = new Set<string>();
    for (const { name, connections } of users) {
      const epoch = epochOf(name);
      if (epoch === undefined) this.#pass(name);
      else if (epoch === ownEpoch) {
        if (!before.has(name) && !now.has(name)) reap(name, "unknown");
      } else if (dead.has(epoch)) reap(name, "gone");
      else if (sees && !present.has(epoch)) {
        others.add(epoch);
        if (this.#isGone(epoch) && connections === 0) reap(name, "gone");
      }
    }
    this.#count(others);
  }

  /** Whether this look is one too many without a sign of a gateway. */
  #isGone(epoch: string): boolean {
    const absence = this.#absent.get(epoch);
    return (
      absence !== undefined &&
      absence.looks >= LOOKS - 1 &&
      this.#options.clock.now() - absence.since >= GONE_AFTER
    );
  }

  /** A gateway that was seen, or has no users any more, is forgotten: the next time is the first one. */
  #count(absent: ReadonlySet<string>): void {
    const now = this.#options.clock.now();
    for (const [epoch, { since }] of this.#absent) {
      if (!absent.has(epoch) || now < since) this.#absent.delete(epoch);
    }
    for (const epoch of absent) {
      const absence = this.#absent.get(epoch) ?? { since: now, looks: 0 };
      absence.looks++;
      this.#absent.set(epoch, absence);
    }
  }

  /** Somebody has given the mark to what no gateway has made. */
  #pass(name: string): void {
    const { log, about } = this.#options;
    if (this.#strangers.has(name) || this.#strangers.size >= MAX_STRANGERS) return;
    this.#strangers.add(name);
    log.warn(
      { ...about, user: name },
      "a user has the gateway's mark, but no name of its making: it is left alone",
    );
  }
}
