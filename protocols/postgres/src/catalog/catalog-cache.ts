import { type Clock, GatehouseError, type Lease, type Logger, messageOf, type Target } from "@gatehouse/core";
import type { PostgresSettings } from "../settings.ts";
import type { CatalogData } from "./catalog.ts";
import { ControlConnection } from "./control-connection.ts";
import {
  CATALOG_BOUNDS,
  type CatalogBounds,
  type CatalogReading,
  readCatalog,
  readFingerprint,
} from "./read-catalog.ts";

/** Milliseconds for all that one look at the catalog takes, once there is a connection. */
const DEADLINE = 30_000;
/** Milliseconds after a failure; doubled with each one. */
const FIRST_RETRY = 1_000;
const LONGEST_RETRY = 30_000;

export interface CatalogCacheOptions {
  readonly target: Target<PostgresSettings>;
  /** The gateway's own way in; released when its connection closes. */
  readonly lease: () => Promise<Lease>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds after which what is known is looked at again before it is used. 10 seconds when left out. */
  readonly refresh?: number;
  /** Milliseconds that it is used for at most while the target can't be asked. 30 seconds when left out. */
  readonly oldest?: number;
  readonly bounds?: CatalogBounds;
  /** Told when it is known for the first time, or another than before. */
  readonly learned?: () => void;
}

export type CatalogStatus =
  | { readonly ok: true }
  /** @param since milliseconds since the epoch */
  | { readonly ok: false; readonly reason: string; readonly since: number };

/** A reading, and from which moment on nobody knows whether it still holds. */
interface Known {
  readonly reading: CatalogReading;
  readonly at: number;
  /** How often the catalog was `stale` before it was looked at. */
  readonly generation: number;
}

interface Failing {
  readonly reason: string;
  readonly since: number;
  readonly failures: number;
  readonly retryAt: number;
}

/**
 * What one target's database has, as far as it is known. Nothing is asked before somebody wants to know, and nothing by
 * a timer. A catalog that can't be read is absent: what rests on it is to be refused.
 */
export class CatalogCache {
  readonly #options: Required<CatalogCacheOptions>;
  #known: Known | undefined;
  #failing: Failing | undefined;
  #generation = 0;
  #checking: Promise<void> | undefined;
  #connection: ControlConnection | undefined;
  #disposed = false;

  constructor(options: CatalogCacheOptions) {
    this.#options = {
      refresh: 10_000,
      oldest: 30_000,
      bounds: CATALOG_BOUNDS,
      learned: () => undefined,
      ...options,
    };
  }

  /**
   * The catalog, where it is known well enough to be used at once; otherwise `fresh` has to be waited for. It is looked
   * at again in good time, so that who asks often need not wait.
   */
  current(): CatalogData | undefined {
    const known = this.#usable(this.#generation);
    if (known && this.#age(known) > this.#options.refresh / 2 && this.#mayTry()) void this.#check();
    return known?.reading.data;
  }

  /** As it was last read, however long ago that is. No statement may rest on it. */
  get latest(): CatalogData | undefined {
    return this.#known?.reading.data;
  }

  /**
   * The catalog as it is after all that was `stale` when this was called.
   * @throws GatehouseError CATALOG_UNAVAILABLE, with the reason and since when
   */
  async fresh(): Promise<CatalogData> {
    const wanted = this.#generation;
    for (;;) {
      const known = this.#usable(wanted);
      if (known) return known.reading.data;
      if (!this.#mayTry()) throw this.#unavailable();
      await this.#check();
    }
  }

  /**
   * Something may have changed it: to be called when a statement that may change the catalog has ended, and again when
   * its transaction has, which is when others see the change.
   */
  stale(): void {
    this.#generation += 1;
  }

  /**
   * Looks at it again, however young what is known is; others go on with that meanwhile. Where it can't be looked at,
   * nothing may rest on it until it can. Never rejects.
   */
  async renew(): Promise<void> {
    // One that is under way may have looked already.
    await this.#checking;
    if (this.#mayTry()) await this.#check();
    if (this.#failing) this.stale();
  }

  /** Whether it could be read the last time; also before the first. */
  status(): CatalogStatus {
    if (this.#failing === undefined) return { ok: true };
    const { reason, since } = this.#failing;
    return { ok: false, reason, since };
  }

  /** Closes the connection. Nothing is known any more. */
  dispose(): void {
    this.#disposed = true;
    this.#known = undefined;
    this.#connection?.close();
  }

  /** What is known, where it is no older than this generation and young enough. */
  #usable(generation: number): Known | undefined {
    const known = this.#known;
    if (known === undefined || known.generation < generation) return undefined;
    const { refresh, oldest } = this.#options;
    const age = this.#age(known);
    // A clock that was set back says nothing of its age.
    return age >= 0 && age <= (this.#failing ? oldest : refresh) ? known : undefined;
  }

  #age(known: Known): number {
    return this.#options.clock.now() - known.at;
  }

  /** Not while the last failure is so young that the target is better left alone. */
  #mayTry(): boolean {
    if (this.#disposed) return false;
    if (this.#failing === undefined) return true;
    const wait = this.#failing.retryAt - this.#options.clock.now();
    return wait <= 0 || wait > LONGEST_RETRY;
  }

  /** Looks at the catalog, or joins the look that is under way. Never rejects. */
  #check(): Promise<void> {
    this.#checking ??= this.#look().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #look(): Promise<void> {
    const generation = this.#generation;
    const at = this.#options.clock.now();
    try {
      const reading = await this.#read();
      if (this.#disposed) return;
      if (this.#failing) this.#options.log.info(this.#named({}), "the catalog can be read again");
      const before = this.latest;
      this.#known = { reading, at, generation };
      this.#failing = undefined;
      if (reading.data !== before) this.#options.learned();
    } catch (error) {
      this.#failed(messageOf(error));
    }
  }

  /** What is known, where the catalog has not changed; otherwise it is read anew. */
  async #read(): Promise<CatalogReading> {
    const { bounds, log } = this.#options;
    const connection = await this.#connected();
    const deadline = AbortSignal.timeout(DEADLINE);
    const fingerprint = await readFingerprint(connection, deadline, bounds);
    const before = this.#known?.reading;
    if (before?.complete && before.fingerprint === fingerprint) return before;
    const reading = await readCatalog(connection, deadline, bounds, fingerprint);
    // The same content stays the same object: what rests on it still counts.
    if (before?.data.version === reading.data.version) return { ...reading, data: before.data };
    const { version, relations } = reading.data;
    log.debug(this.#named({ version, relations: relations.length }), "catalog read");
    return reading;
  }

  async #connected(): Promise<ControlConnection> {
    if (this.#connection?.open) return this.#connection;
    const { target, lease } = this.#options;
    const connection = await ControlConnection.open(target, await lease());
    this.#connection = connection;
    // It was on its way when everything was closed.
    if (this.#disposed) connection.close();
    return connection;
  }

  #failed(reason: string): void {
    if (this.#disposed) return;
    const now = this.#options.clock.now();
    const { failures, since } = this.#failing ?? { failures: 0, since: now };
    const wait = Math.min(FIRST_RETRY * 2 ** failures, LONGEST_RETRY);
    this.#failing = { reason, since, failures: failures + 1, retryAt: now + wait };
    this.#options.log.warn(
      this.#named({ reason, retryInMs: wait }),
      "the catalog could not be read; what rests on it is refused",
    );
  }

  #named<Fields extends object>(fields: Fields): Fields & { readonly target: string } {
    return { target: this.#options.target.name, ...fields };
  }

  #unavailable(): GatehouseError {
    const { name } = this.#options.target;
    const failing = this.#disposed ? undefined : this.#failing;
    const why = failing
      ? `, since ${new Date(failing.since).toISOString()}: ${failing.reason}`
      : ": the gateway is shutting down.";
    return new GatehouseError("CATALOG_UNAVAILABLE", `The catalog of "${name}" can't be read${why}`, {
      hint: "Check that the target's own credential still leads in; it is tried again by itself.",
    });
  }
}
