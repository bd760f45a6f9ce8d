import type { Access } from "@gatehouse/core";
import type { Analysis } from "../analysis/analysis.ts";
import type { TransactionStatus } from "../codec/ready-for-query.ts";
import { Pending } from "../pending.ts";
import type { CatalogData } from "./catalog.ts";
import type { CatalogCache } from "./catalog-cache.ts";

/** The catalog as one session sees it. */
export interface CatalogView {
  readonly data: CatalogData;
  /**
   * The session may have made, changed or hidden what the catalog does not show: inside a transaction nobody else sees
   * it, and temporary objects never.
   */
  readonly unsettled: boolean;
  /** That may be what runs beside statements, too: triggers, functions, views. */
  readonly redefined: boolean;
}

type Cache = Pick<CatalogCache, "current" | "fresh" | "stale" | "renew">;

/**
 * What one session's statements may rest on. The catalog is read by another connection than the session's: what the
 * session has changed itself, and not yet committed, is not in it.
 */
export class SessionCatalog {
  readonly #cache: Cache | undefined;
  #view: CatalogView | undefined;
  /** Something that may change the catalog was sent in the transaction that is open. */
  #changed = false;
  /** And with it, what runs beside other statements. */
  #redefined = false;
  /** The session may have temporary objects, which hide others of the same name until it ends. */
  #hides = false;
  /** The catalog was waited for, and could not be read. */
  #failed = false;

  /** @param cache undefined where the target's config says that its catalog is not to be read */
  constructor(cache: Cache | undefined) {
    this.#cache = cache;
  }

  /** `unavailable` where it can't be read: what rests on it is refused then. Undefined where it is not to be read. */
  view(): CatalogView | Pending | "unavailable" | undefined {
    if (this.#cache === undefined) return undefined;
    const data = this.#cache.current();
    if (data === undefined) {
      if (this.#failed) {
        this.#failed = false;
        return "unavailable";
      }
      const failed = () => {
        this.#failed = true;
      };
      return new Pending(this.#cache.fresh().catch(failed));
    }
    const unsettled = this.#changed || this.#hides;
    const redefined = this.#redefined;
    const known = this.#view;
    // The same object for the same view: results that rest on it are found again.
    if (known?.data === data && known.unsettled === unsettled && known.redefined === redefined) return known;
    this.#view = { data, unsettled, redefined };
    return this.#view;
  }

  /**
   * A command is on its way.
   * @param access what it is held to do: functions that a policy lists hide nothing and make nothing
   * @param text as it is audited
   */
  sent({ effects, defines }: Pick<Analysis, "effects" | "defines">, access: Access, text: string): void {
    if (access === "read" || access === "write") return;
    this.#changed = true;
    this.#redefined ||= defines;
    // TEMP, TEMPORARY, pg_temp; and what is run by name does not say it.
    const byName = effects.some(({ kind }) => kind === "execute" || kind === "fetch");
    if (access !== "admin" && (byName || access === "unknown" || /temp/i.test(text))) this.#hides = true;
  }

  /** The server has said something that the catalog does not. */
  contradicted(): void {
    this.#cache?.stale();
  }

  /** Time has passed in which others may have changed it: resolves when it was looked at again. */
  async renew(): Promise<void> {
    await this.#cache?.renew();
  }

  /** ReadyForQuery: with the end of a transaction, others see what it has changed, and not before. */
  ready(status: TransactionStatus): void {
    if (!this.#changed || status !== "idle") return;
    this.#cache?.stale();
    this.#changed = false;
    // What is hung on a temporary table, nobody else ever sees.
    if (!this.#hides) this.#redefined = false;
  }
}
