import { isDeepStrictEqual } from "node:util";
import type { Clock, Lease, Logger, Target } from "@gatehouse/core";
import { settingsOf } from "../settings.ts";
import type { CatalogData } from "./catalog.ts";
import { CatalogCache } from "./catalog-cache.ts";

export interface CatalogsOptions {
  readonly clock: Clock;
  /** The gateway's own way into a target. */
  readonly lease: (target: Target) => Promise<Lease>;
  /** Told when a target's catalog is known for the first time, or another than before. */
  readonly learned: (target: string) => void;
  readonly log: Logger;
}

interface Kept {
  readonly target: Target;
  readonly cache: CatalogCache;
}

/** The catalogs of all targets: one cache for each, which all sessions share. */
export class Catalogs {
  readonly #options: CatalogsOptions;
  /** A session that was opened before a new config keeps its target, and with that its catalog. */
  readonly #byTarget = new WeakMap<Target, CatalogCache>();
  readonly #newest = new Map<string, Kept>();

  constructor(options: CatalogsOptions) {
    this.#options = options;
  }

  /**
   * The catalog of a target, of which nothing is read yet; undefined where the config says that it is not to be read. A
   * new config that leads to the target in the same way keeps it.
   */
  of(target: Target): CatalogCache | undefined {
    if (settingsOf(target).catalog === "off") return undefined;
    const known = this.#byTarget.get(target);
    if (known) return known;
    const cache = this.#sharedBy(target) ?? this.#create(target);
    this.#byTarget.set(target, cache);
    this.#newest.set(target.name, { target, cache });
    return cache;
  }

  /** What was last known of a target's catalog, if anything. */
  latest(target: Target): CatalogData | undefined {
    return (this.#byTarget.get(target) ?? this.#sharedBy(target))?.latest;
  }

  /** Closes the connections to all targets. */
  dispose(): void {
    for (const { cache } of this.#newest.values()) cache.dispose();
  }

  #sharedBy(target: Target): CatalogCache | undefined {
    const newest = this.#newest.get(target.name);
    return newest && sameWay(newest.target, target) ? newest.cache : undefined;
  }

  #create(target: Target): CatalogCache {
    const { clock, lease, learned, log } = this.#options;
    return new CatalogCache({
      target: { ...target, settings: settingsOf(target) },
      lease: () => lease(target),
      clock,
      log,
      learned: () => learned(target.name),
    });
  }
}

/** Two targets that are one server and database, entered by one credential. */
export function sameWay(one: Target, other: Target): boolean {
  // Secrets that stand in the config don't show whether they are the same.
  if (one.credential.password?.from === "literal" && one.credential !== other.credential) return false;
  return isDeepStrictEqual(wayTo(one), wayTo(other));
}

function wayTo({ addresses, tls, credential, connectTimeout, settings }: Target): unknown {
  return { addresses, tls, credential, connectTimeout, settings };
}
