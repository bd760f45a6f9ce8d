import { type Clock, type Logger, messageOf } from "@gatehouse/core";
import { backOff, isOver, noWait, shorten, waitOf } from "./waits.ts";

/** In milliseconds. */
const RETRY = { first: 1_000, longest: 60_000 };

export interface PoolOptions<User> {
  /** How many are to be ready. */
  readonly size: number;
  readonly make: () => Promise<User>;
  /** Takes one back that nobody had. */
  readonly giveBack: (user: User) => void;
  /** Whether one more may be made now. */
  readonly mayMake: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** From 0 to 1. */
  readonly random: () => number;
  /** For the log: what it is about. */
  readonly about: object;
}

/** Users that are made ahead, so that a log-in need not wait. */
export class Pool<User> {
  readonly #options: PoolOptions<User>;
  readonly #ready: User[] = [];
  #making = 0;
  /** Changes when what is ready, or being made, must not be used any more. */
  #generation = 0;
  #closed = false;
  #failures = 0;
  #failure = "";
  #pause = noWait;

  constructor(options: PoolOptions<User>) {
    this.#options = options;
  }

  get ready(): number {
    return this.#ready.length;
  }

  /** Why none can be made; undefined where they can. */
  get trouble(): string | undefined {
    return this.#failures === 0 ? undefined : this.#failure;
  }

  /** When there is something to do; undefined where that is not a question of time. */
  get next(): number | undefined {
    return this.#mayBegin ? this.#pause.until : undefined;
  }

  take(): User | undefined {
    return this.#ready.shift();
  }

  /** Takes one again that was not touched. */
  put(user: User): void {
    if (this.#closed) this.#options.giveBack(user);
    else this.#ready.unshift(user);
  }

  /** Makes what lacks, where that is due. @returns what it has begun; none rejects */
  begin(): Promise<void>[] {
    const begun: Promise<void>[] = [];
    while (this.#mayBegin && isOver(this.#pause, this.#options.clock.now())) {
      this.#making++;
      begun.push(this.#make());
    }
    return begun;
  }

  /** Waits as after a first failure, since something else was done at the same place. */
  hurry(): void {
    this.#pause = shorten(this.#pause, RETRY.first);
  }

  /** Gives back what is ready; what is being made is given back when it is there. */
  empty(): void {
    this.#generation++;
    for (const user of this.#ready.splice(0)) this.#options.giveBack(user);
    this.hurry();
  }

  close(): void {
    this.#closed = true;
    this.empty();
  }

  get #mayBegin(): boolean {
    const lacks = !this.#closed && this.#ready.length + this.#making < this.#options.size;
    // After a failure one alone, to see whether it works again.
    return lacks && (this.#failures === 0 || this.#making === 0) && this.#options.mayMake();
  }

  async #make(): Promise<void> {
    const { make, giveBack, clock, log, random, about } = this.#options;
    const generation = this.#generation;
    try {
      const user = await make();
      this.#failures = 0;
      if (generation === this.#generation) this.#ready.push(user);
      else giveBack(user);
    } catch (error) {
      this.#failure = messageOf(error);
      // The first says all.
      if (this.#failures === 0) {
        log.warn({ ...about, reason: this.#failure }, "no user could be made ahead; it is tried again");
      }
      this.#pause = waitOf(backOff(this.#failures, RETRY, random), clock.now());
      this.#failures++;
    } finally {
      this.#making--;
    }
  }
}
