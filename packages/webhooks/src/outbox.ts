import type { Clock, Logger, WebhookEventName, WebhookSettings } from "@gatehouse/core";
import { type Attempt, type AttemptOptions, attempt, type Message } from "./attempt.ts";
import type { Delivery } from "./delivery.ts";

const MAX_WAITING = 1000;
const MAX_IN_FLIGHT = 4;

/** All in milliseconds. */
const FIRST_RETRY = 1_000;
const LONGEST_RETRY = 5 * 60_000;
const GIVE_UP_AFTER = 60 * 60_000;

/** A delivery while it is under way. */
export type OpenDelivery = { -readonly [Key in keyof Delivery]: Delivery[Key] };

export interface Job extends Message {
  readonly event: WebhookEventName;
  readonly delivery: OpenDelivery;
  /** When it was told. */
  readonly since: number;
}

interface Queued extends Job {
  /** When it is to be tried. */
  next: number;
  sending: boolean;
}

export interface OutboxOptions {
  /** How the webhook is set now; undefined where it is configured no more. */
  readonly hook: () => WebhookSettings | undefined;
  readonly secrets: AttemptOptions["secrets"];
  readonly clock: Clock;
  readonly log: Logger;
  /** From 0 to 1. */
  readonly random: () => number;
  /** How long one attempt may take in all, in milliseconds. */
  readonly deadline: number;
  readonly closing: AbortSignal;
}

/** What one webhook is still to be told, each until it is delivered or given up. One that hangs holds up no other. */
export class Outbox {
  readonly #name: string;
  readonly #options: OutboxOptions;
  /** In the order in which they were told. */
  readonly #jobs = new Set<Queued>();
  #inFlight = 0;

  constructor(name: string, options: OutboxOptions) {
    this.#name = name;
    this.#options = options;
  }

  /** Takes a message. Where there are too many, the oldest one that waits is given up for it. */
  add(job: Job): void {
    if (this.#jobs.size >= MAX_WAITING) {
      const oldest = [...this.#jobs].find(({ sending }) => !sending);
      if (oldest) this.#giveUp(oldest, "too many others wait");
    }
    this.#jobs.add({ ...job, next: job.since, sending: false });
  }

  get size(): number {
    return this.#jobs.size;
  }

  /** When the next attempt can begin; undefined where one has to end first, or where nothing waits. */
  get next(): number | undefined {
    return this.#inFlight < MAX_IN_FLIGHT ? this.#first()?.next : undefined;
  }

  /** Begins what is due, as far as it may. @returns what it has begun; none rejects */
  send(): Promise<void>[] {
    const begun: Promise<void>[] = [];
    for (;;) {
      const { next } = this;
      const job = this.#first();
      if (job === undefined || next === undefined || next > this.#options.clock.now()) return begun;
      begun.push(this.#try(job));
    }
  }

  #first(): Queued | undefined {
    let first: Queued | undefined;
    for (const job of this.#jobs) {
      if (!job.sending && (first === undefined || job.next < first.next)) first = job;
    }
    return first;
  }

  async #try(job: Queued): Promise<void> {
    const { secrets, clock, deadline, closing } = this.#options;
    job.sending = true;
    const hook = this.#options.hook();
    if (hook === undefined) {
      this.#giveUp(job, "it is not configured any more");
      return;
    }
    this.#inFlight++;
    job.delivery.attempts++;
    const signal = AbortSignal.any([closing, AbortSignal.timeout(deadline)]);
    const result = await attempt(hook, job, { secrets, now: clock.now(), signal });
    this.#inFlight--;
    job.sending = false;
    if (!closing.aborted) this.#settle(job, result);
  }

  #settle(job: Queued, result: Attempt): void {
    const { delivery } = job;
    delivery.last = result.last;
    delete delivery.next;
    const fields = { ...this.#about(job), ...(result.host === undefined ? {} : { host: result.host }) };
    if (result.delivered) {
      delivery.state = "delivered";
      this.#jobs.delete(job);
      this.#options.log.debug(fields, "a webhook was delivered");
      return;
    }
    const wait = this.#backOff(delivery.attempts, result.after);
    job.next = this.#options.clock.now() + wait;
    if (!result.retry || job.next > job.since + GIVE_UP_AFTER) {
      this.#giveUp(job, result.last);
      return;
    }
    delivery.next = job.next;
    // The first says all; an hour of them would only be an hour of them.
    const level = delivery.attempts === 1 ? "warn" : "debug";
    const detail = result.detail === undefined ? {} : { detail: result.detail };
    this.#options.log[level]({ ...fields, ...detail }, "a webhook could not be delivered; it is tried again");
  }

  /** Twice as long each time, and at random between the half and the whole, so that many don't come back at once. */
  #backOff(attempts: number, asked: number | undefined): number {
    const whole = Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** Math.min(attempts, 30));
    const wait = Math.max(FIRST_RETRY, whole * (0.5 + this.#options.random() / 2));
    return Math.max(wait, Math.min(asked ?? 0, LONGEST_RETRY));
  }

  #giveUp(job: Queued, last: string): void {
    this.#jobs.delete(job);
    job.delivery.state = "given up";
    job.delivery.last = last;
    delete job.delivery.next;
    this.#options.log.error(this.#about(job), "a webhook was given up: nobody was told");
  }

  #about({ id, event, delivery }: Job): object {
    return { webhook: this.#name, event, id, attempts: delivery.attempts, last: delivery.last };
  }
}
