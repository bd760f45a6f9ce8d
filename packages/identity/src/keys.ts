import { GatehouseError, messageOf, type Clock, type Logger } from "@gatehouse/core";
import type { KeySet } from "./discovery.ts";

/** All in milliseconds. */
export const REFRESH_AFTER = 10 * 60_000;
export const STALE_AFTER = 24 * 60 * 60_000;
export const UNKNOWN_KEY_INTERVAL = 30_000;
export const FIRST_RETRY = 1_000;
export const LONGEST_RETRY = 60_000;
const FETCH_DEADLINE = 10_000;

/** How one provider stands, for readiness. */
export interface ProviderStatus {
  readonly name: string;
  /** Whether tokens of this provider can be verified now. */
  readonly ready: boolean;
  /** Why the last attempt to fetch keys failed; it can be there while older keys still serve. */
  readonly reason?: string;
}

export interface ProviderKeysOptions {
  /** The provider's configured name. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Fetches the keys; rejects with an Error that says why not. */
  readonly load: (signal: AbortSignal) => Promise<KeySet>;
  /** How long a fetch may take in all, in milliseconds; 10 seconds when left out. */
  readonly deadline?: number;
}

/**
 * The keys of one provider: fetched at the first need, refreshed behind, kept while the provider is down.
 * There is at most one fetch under way, and everybody who needs its result waits for the same one.
 */
export class ProviderKeys {
  readonly #options: ProviderKeysOptions;
  readonly #closing = new AbortController();
  #keys: KeySet | undefined;
  /** When `#keys` were last seen to be the provider's. */
  #confirmedAt = 0;
  #attempt: Promise<void> | undefined;
  #nextAttemptAt = Number.NEGATIVE_INFINITY;
  #nextUnknownKeyAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #reason: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ProviderKeysOptions) {
    this.#options = options;
  }

  /** The keys that may be used now, or undefined. Starts a refresh behind when one is due. */
  usable(): KeySet | undefined {
    if (this.#options.clock.now() >= this.#nextAttemptAt) void this.refresh();
    return this.#fresh();
  }

  /**
   * The keys that may be used now, fetched if there are none.
   * @throws GatehouseError IDENTITY_UNAVAILABLE.
   */
  async current(): Promise<KeySet> {
    let keys = this.usable();
    if (keys === undefined) {
      await this.#attempt;
      keys = this.#fresh();
    }
    if (keys === undefined) throw this.#unavailable("its keys are not known");
    return keys;
  }

  /**
   * For a token whose key is not among `known`: the provider may have new ones. Anybody can write a token with
   * a key that nobody has, so this leads to a fetch once per 30 seconds at most.
   * @returns newer keys; undefined when the provider has no others, or was asked too recently.
   * @throws GatehouseError IDENTITY_UNAVAILABLE when the provider could not be asked.
   */
  async newerThan(known: KeySet): Promise<KeySet | undefined> {
    const now = this.#options.clock.now();
    if (this.#attempt === undefined && this.#fresh() === known && now >= this.#nextUnknownKeyAt) {
      if (this.#failures === 0 || now >= this.#nextAttemptAt) {
        this.#nextUnknownKeyAt = now + UNKNOWN_KEY_INTERVAL;
        void this.refresh();
      }
    }
    await this.#attempt;
    const keys = this.#fresh();
    if (keys !== undefined && keys !== known) return keys;
    if (this.#failures > 0) throw this.#unavailable("it could not be asked for the token's key");
    return undefined;
  }

  /** Fetches the keys, or joins the fetch that is under way. Never rejects: a failure is logged and tried again. */
  refresh(): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.resolve();
    this.#attempt ??= this.#fetch().finally(() => {
      this.#attempt = undefined;
    });
    return this.#attempt;
  }

  status(): ProviderStatus {
    const reason = this.#reason === undefined ? {} : { reason: this.#reason };
    return { name: this.#options.name, ready: this.#fresh() !== undefined, ...reason };
  }

  /** Ends the fetch that is under way, and fetches no more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#closing.abort(new Error("the gateway is shutting down"));
  }

  #fresh(): KeySet | undefined {
    return this.#options.clock.now() - this.#confirmedAt < STALE_AFTER ? this.#keys : undefined;
  }

  async #fetch(): Promise<void> {
    const { clock, load, deadline = FETCH_DEADLINE } = this.#options;
    try {
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(deadline)]);
      this.#succeeded(await load(signal));
    } catch (error) {
      this.#failed(messageOf(error));
    }
    if (!this.#closing.signal.aborted) this.#arm(this.#nextAttemptAt - clock.now());
  }

  #succeeded(keys: KeySet): void {
    const { name, clock, log } = this.#options;
    const before = this.#keys;
    // The same keys stay the same object, so that what was verified by them still counts.
    if (before?.text !== keys.text) this.#keys = keys;
    if (this.#failures > 0) log.info({ provider: name }, "the identity provider answers again");
    else if (before !== this.#keys) log.info({ provider: name }, "the identity provider has new keys");
    this.#confirmedAt = clock.now();
    this.#nextAttemptAt = this.#confirmedAt + REFRESH_AFTER;
    this.#failures = 0;
    this.#reason = undefined;
  }

  #failed(reason: string): void {
    if (this.#closing.signal.aborted) return;
    const { name, clock, log } = this.#options;
    const wait = Math.min(FIRST_RETRY * 2 ** this.#failures, LONGEST_RETRY);
    this.#failures += 1;
    this.#reason = reason;
    this.#nextAttemptAt = clock.now() + wait;
    log.warn(
      { provider: name, reason, retryInMs: wait, keysKnown: this.#fresh() !== undefined },
      "the identity provider's keys could not be fetched; it will be tried again",
    );
  }

  #arm(wait: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const left = this.#nextAttemptAt - this.#options.clock.now();
      if (left > 0) this.#arm(left);
      else void this.refresh();
    }, wait);
    this.#timer.unref();
  }

  #unavailable(what: string): GatehouseError {
    const { name } = this.#options;
    return new GatehouseError(
      "IDENTITY_UNAVAILABLE",
      `The identity provider ${name} failed: ${what} (${this.#reason ?? "the gateway is shutting down"}). The log-in was refused.`,
      { hint: "Check that the gateway reaches the provider; it goes on trying by itself." },
    );
  }
}
