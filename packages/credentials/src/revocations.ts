import { type Clock, type Logger, messageOf, type Removal, type RevocationReason } from "@gatehouse/core";
import { backOff, isOver, noWait, shorten, type Wait, waitOf } from "./waits.ts";

/** Users that are taken back by one call. */
const BATCH = 50;
/** In milliseconds. */
const RETRY = { first: 200, longest: 20_000 };
/** After which one that is kept is tried again: somebody has to do something about it first. */
const KEPT_RETRY = 5 * 60_000;

/** Something that is to be taken back. */
export interface Revocation {
  readonly id: string;
  readonly why: RevocationReason;
  readonly session?: string;
  readonly subject?: string;
}

interface Job {
  readonly revocation: Revocation;
  readonly since: number;
  wait: Wait;
  failures: number;
  kept: boolean;
}

export interface RevocationsOptions {
  /** Takes these back. */
  readonly remove: (ids: readonly string[]) => Promise<readonly Removal[]>;
  /** Told of each one that is gone, and once of each one that is kept. Never rejects. */
  readonly settled: (revocation: Revocation, removal: Removal) => Promise<void>;
  /** Milliseconds that one waits for others to go by the same call; none when left out. */
  readonly gather?: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** From 0 to 1. */
  readonly random: () => number;
  /** For the log: what it is about. */
  readonly about: object;
}

/**
 * What is to be taken back at one place: some at a time, tried again without an end. One that can't be taken back holds up no
 * other.
 */
export class Revocations {
  readonly #options: RevocationsOptions;
  /** In the order in which they are tried. */
  readonly #jobs = new Map<string, Job>();
  #gathering = noWait;
  #kept = 0;
  #busy = false;
  #closed = false;
  /** How many go into the next call: fewer after a failure, until the one that makes it fail is alone. */
  #batch = BATCH;
  /** Calls that have failed since the last sign that they need not. */
  #failures = 0;
  /** Why the last call has failed; undefined where it has not. */
  #failure: string | undefined;
  #pause = noWait;

  constructor(options: RevocationsOptions) {
    this.#options = options;
  }

  /** Takes one, if it does not have it yet. */
  add(revocation: Revocation): void {
    if (this.#jobs.has(revocation.id)) return;
    const { clock, gather = 0 } = this.#options;
    const since = clock.now();
    if (isOver(this.#gathering, since)) this.#gathering = waitOf(gather, since);
    this.#jobs.set(revocation.id, { revocation, since, wait: noWait, failures: 0, kept: false });
  }

  /** Those that wait to be gone, without those that are kept. */
  get backlog(): number {
    return this.#jobs.size - this.#kept;
  }

  get size(): number {
    return this.#jobs.size;
  }

  /** What keeps them from being taken back; undefined where nothing does. */
  get trouble(): { readonly waiting: number; readonly since: number; readonly reason: string } | undefined {
    if (this.#failure === undefined || this.backlog === 0) return undefined;
    const waiting = [...this.#jobs.values()].filter(({ kept }) => !kept);
    return {
      waiting: waiting.length,
      since: Math.min(...waiting.map(({ since }) => since)),
      reason: this.#failure,
    };
  }

  /** When there is something to do; undefined where that is not a question of time. */
  get next(): number | undefined {
    if (this.#busy || this.#closed || this.#jobs.size === 0) return undefined;
    let next = Number.POSITIVE_INFINITY;
    for (const { wait } of this.#jobs.values()) next = Math.min(next, wait.until);
    return Math.max(next, this.#pause.until, this.#gathering.until);
  }

  /** Waits as after a first failure, since something else was done at the same place. */
  hurry(): void {
    this.#pause = shorten(this.#pause, RETRY.first);
    this.#failures = 0;
  }

  /** Waits for no others to come. */
  urge(): void {
    this.#gathering = noWait;
  }

  /** Takes back what is due, unless that is under way. @returns undefined where nothing is begun */
  begin(): Promise<void> | undefined {
    if (this.#busy || this.#due().length === 0) return undefined;
    return this.#work();
  }

  /** Begins nothing new. */
  close(): void {
    this.#closed = true;
  }

  /** The next call's. One that has failed alone is tried alone, after all that have not. */
  #due(): readonly Job[] {
    const now = this.#options.clock.now();
    if (this.#closed || !isOver(this.#pause, now) || !isOver(this.#gathering, now)) return [];
    const due: Job[] = [];
    let failed: Job | undefined;
    for (const job of this.#jobs.values()) {
      if (due.length === this.#batch) break;
      if (!isOver(job.wait, now)) continue;
      if (job.failures === 0) due.push(job);
      else failed ??= job;
    }
    return due.length > 0 || failed === undefined ? due : [failed];
  }

  async #work(): Promise<void> {
    this.#busy = true;
    try {
      for (let jobs = this.#due(); jobs.length > 0; jobs = this.#due()) await this.#take(jobs);
    } finally {
      this.#busy = false;
    }
  }

  async #take(jobs: readonly Job[]): Promise<void> {
    let removals: readonly Removal[];
    try {
      removals = await this.#options.remove(jobs.map(({ revocation }) => revocation.id));
    } catch (error) {
      this.#failed(jobs, messageOf(error));
      return;
    }
    this.#failures = 0;
    this.#failure = undefined;
    this.#batch = Math.min(BATCH, this.#batch * 2);
    const byName = new Map(removals.map((removal) => [removal.name, removal]));
    await Promise.all(jobs.map((job) => this.#settle(job, byName.get(job.revocation.id))));
  }

  async #settle(job: Job, removal: Removal | undefined): Promise<void> {
    if (removal === undefined) {
      this.#putBack(job);
      return;
    }
    const known = job.kept;
    if (removal.outcome === "kept") {
      job.wait = waitOf(KEPT_RETRY, this.#options.clock.now());
      if (known) return;
      job.kept = true;
      this.#kept++;
    } else {
      this.#jobs.delete(job.revocation.id);
      if (known) this.#kept--;
    }
    await this.#options.settled(job.revocation, removal);
  }

  #failed(jobs: readonly Job[], reason: string): void {
    const { clock, log, random, about } = this.#options;
    // The first says all.
    if (this.#failure === undefined) {
      log.warn({ ...about, users: jobs.length, reason }, "users were not taken back; it is tried again");
    }
    this.#failure = reason;
    this.#pause = waitOf(backOff(this.#failures, RETRY, random), clock.now());
    const [first] = jobs;
    // One of many may be what is wrong: the others need not wait until it is found.
    if (first && jobs.length === 1) {
      this.#failures++;
      this.#putBack(first);
    }
    this.#batch = Math.max(1, jobs.length >> 1);
  }

  /** Behind all others, and later each time. */
  #putBack(job: Job): void {
    const { clock, random } = this.#options;
    job.wait = waitOf(backOff(job.failures, RETRY, random), clock.now());
    job.failures++;
    this.#jobs.delete(job.revocation.id);
    this.#jobs.set(job.revocation.id, job);
  }
}
