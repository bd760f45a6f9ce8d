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
}

/**
 * What one session's statements may rest on. The catalog is read by another connection than the session's: what the
 * session has changed itself, and not yet committed, is not in it.
 */
export class SessionCatalog {
  readonly #cache: Pick<CatalogCache, "current" | "fresh" | "stale">;
  readonly #masked: () => boolean;
  #view: CatalogView | undefined;
  /** Something that may change the catalog was sent in the transaction that is open. */
  #changed = false;
  /** The session may have temporary objects, which hide others of the same name until it ends. */
  #hides = false;
  /** The catalog was waited for, and could not be read. */
  #failed = false;

  /** @param masked whether some rule hides something of this session: without that, no catalog is asked for */
  constructor(cache: Pick<CatalogCache, "current" | "fresh" | "stale">, masked: () => boolean) {
    this.#cache = cache;
    this.#masked = masked;
  }

  /** undefined where nothing is masked, or where it can't be read: what is masked is refused then. */
  view(): CatalogView | Pending | undefined {
    if (!this.#masked()) return undefined;
    const data = this.#cache.current();
    if (data === undefined) {
      if (this.#failed) {
        this.#failed = false;
        return undefined;
      }
      const failed = () => {
        this.#failed = true;
      };
      return new Pending(this.#cache.fresh().catch(failed));
    }
    const unsettled = this.#changed || this.#hides;
    // The same object for the same view: results that rest on it are found again.
    if (this.#view?.data !== data || this.#view.unsettled !== unsettled) this.#view = { data, unsettled };
    return this.#view;
  }

  /** A command is on its way. @param text as it is audited */
  sent({ access, effects }: Pick<Analysis, "access" | "effects">, text: string): void {
    if (access === "read" || access === "write") return;
    this.#changed = true;
    // TEMP, TEMPORARY, pg_temp; and what is run by name does not say it.
    const byName = effects.some(({ kind }) => kind === "execute" || kind === "fetch");
    if (access !== "admin" && (byName || access === "unknown" || /temp/i.test(text))) this.#hides = true;
  }

  /** ReadyForQuery: with the end of a transaction, others see what it has changed. */
  ready(status: TransactionStatus): void {
    if (!this.#changed) return;
    this.#cache.stale();
    if (status === "idle") this.#changed = false;
  }
}
