import { type Clock, type Identity, identityKey, type Refusal, type Target } from "@gatehouse/core";
import { formatDuration, type Rate } from "@gatehouse/documents";
import type { Budget, Resource } from "./setting.ts";

/** Of how many identities at targets it is known what they have used. */
const KEPT = 20_000;
const MINUTE = 60_000;
const SECOND = 1000;

const RESOURCES: readonly Resource[] = ["requests", "tokens", "bytes"];

/** What a request that was let in uses as it goes on. */
export interface Use {
  /** Of a body, in whichever direction: as they pass. */
  bytes(count: number): void;
  /** @param count below 0 where an estimate was too high */
  tokens(count: number): void;
}

export type Taken =
  | { readonly ok: true; readonly use: Use }
  | {
      readonly ok: false;
      readonly refusal: Pick<Refusal, "message" | "hint"> & {
        readonly kind: "too_many";
        readonly retryAfter: number;
      };
    };

/** What is missing in a bucket, as it was at a moment. It fills up again with time, to what its rate holds and no more. */
interface Bucket {
  readonly used: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What one identity has used of one target, and how fast that is forgotten. */
interface Account {
  readonly rates: Budget;
  readonly buckets: Readonly<Partial<Record<Resource, Bucket>>>;
}

const UNBOUNDED: Taken = { ok: true, use: { bytes: () => undefined, tokens: () => undefined } };

const UNUSED: Account["buckets"] = {};

/**
 * What identities have used of targets: a token bucket for each thing that a budget names, in the memory of this
 * process. A request takes one of its own; what it costs beside that is known as it goes on, and may be more than is
 * there: that is owed, and nothing more is let in until it has come in again.
 */
export class Budgets {
  readonly #clock: Clock;
  readonly #kept: number;
  /** In the order in which they were last used. */
  readonly #accounts = new Map<string, Account>();
  #sweptAt = 0;

  constructor({ clock, kept = KEPT }: { readonly clock: Clock; readonly kept?: number }) {
    this.#clock = clock;
    this.#kept = kept;
  }

  /** Lets one request in, where there is something left of all that its budget names. */
  take(identity: Identity, target: Pick<Target, "name">, budget: Budget): Taken {
    if (RESOURCES.every((resource) => budget[resource] === undefined)) return UNBOUNDED;
    const now = this.#clock.now();
    const key = JSON.stringify([target.name, identityKey(identity)]);
    const account = this.#accounts.get(key);
    const buckets = account?.buckets ?? UNUSED;
    if (account) {
      // Who is refused goes on being known: it would start anew as soon as enough others have come.
      this.#accounts.delete(key);
      this.#accounts.set(key, account);
    }
    const empty = RESOURCES.flatMap((resource) => {
      const rate = budget[resource];
      const wait = rate ? waitOf(buckets[resource], rate, now) : 0;
      return rate && wait > 0 ? [{ resource, rate, wait }] : [];
    });
    const [last] = empty.sort((one, other) => other.wait - one.wait);
    if (last) return { ok: false, refusal: refusalOf(target.name, last) };
    const use = (resource: Resource, count: number) => this.#use(key, budget, resource, count);
    use("requests", 1);
    return {
      ok: true,
      use: { bytes: (count) => use("bytes", count), tokens: (count) => use("tokens", count) },
    };
  }

  /** How many accounts are kept. */
  get size(): number {
    return this.#accounts.size;
  }

  #use(key: string, rates: Budget, resource: Resource, count: number): void {
    const rate = rates[resource];
    if (rate === undefined) return;
    const now = this.#clock.now();
    const { buckets } = this.#accounts.get(key) ?? { buckets: UNUSED };
    const used = Math.max(0, usedOf(buckets[resource], rate, now) + count);
    this.#accounts.delete(key);
    this.#accounts.set(key, { rates, buckets: { ...buckets, [resource]: { used, at: now } } });
    if (this.#accounts.size > this.#kept || now >= this.#sweptAt + MINUTE) this.#sweep(now);
  }

  /** Lets go of what is full again, and, where that is not enough, of whoever has used nothing for the longest time. */
  #sweep(now: number): void {
    this.#sweptAt = now;
    for (const [key, { rates, buckets }] of this.#accounts) {
      const isFull = RESOURCES.every((resource) => {
        const rate = rates[resource];
        return rate === undefined || usedOf(buckets[resource], rate, now) === 0;
      });
      if (isFull) this.#accounts.delete(key);
    }
    for (const key of this.#accounts.keys()) {
      // A tenth at once: who brings many identities can't have all of them looked through at each request.
      if (this.#accounts.size <= this.#kept * 0.9) return;
      this.#accounts.delete(key);
    }
  }
}

/** What is still missing. A clock that was set back brings nothing, and takes nothing. */
function usedOf(bucket: Bucket | undefined, { amount, per }: Rate, now: number): number {
  if (bucket === undefined) return 0;
  return Math.max(0, bucket.used - (Math.max(0, now - bucket.at) * amount) / per);
}

/** Milliseconds until there is one of it; 0 where there is. */
function waitOf(bucket: Bucket | undefined, rate: Rate, now: number): number {
  const { amount, per } = rate;
  return Math.max(0, ((usedOf(bucket, rate, now) + 1 - amount) * per) / amount);
}

function refusalOf(
  target: string,
  { resource, rate, wait }: { readonly resource: Resource; readonly rate: Rate; readonly wait: number },
): Extract<Taken, { ok: false }>["refusal"] {
  const retryAfter = Math.max(1, Math.ceil(wait / SECOND));
  return {
    kind: "too_many",
    message: `You have used all ${resource} that "${target}" has for you: ${rate.amount} in ${formatDuration(rate.per)}.`,
    hint: `There are more in ${retryAfter} ${retryAfter === 1 ? "second" : "seconds"}. Whoever runs the gateway can give you more.`,
    retryAfter,
  };
}
