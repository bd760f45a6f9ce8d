import type { CatalogData } from "../catalog/catalog.ts";

/** However small they are: there is one for each target, and one more with each change of it. */
const MOST = 32;
/** Bytes of all of them, roughly. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Bytes that an object of each kind takes in a thread, measured with names of common lengths. */
const COLUMN = 140;
const OBJECT = 300;

/**
 * Which catalogs a parser's thread has. Whoever may change a database makes another one with each change: those that have been
 * there longest go, but for the newest, which is used whatever it takes.
 */
export class HandedCatalogs {
  /** By version, in the order in which they were handed over. */
  readonly #sizes = new Map<string, number>();
  readonly #most: number;

  /** @param most bytes */
  constructor(most = MOST_BYTES) {
    this.#most = most;
  }

  has({ version }: CatalogData): boolean {
    return this.#sizes.has(version);
  }

  /**
   * One is handed over.
   * @returns the versions of those that are to go
   */
  add(catalog: CatalogData): readonly string[] {
    let left = this.#most - sizeOf(catalog);
    const kept = new Set<string>();
    for (const [version, size] of [...this.#sizes].reverse()) {
      left -= size;
      if (left < 0 || kept.size === MOST - 1) break;
      kept.add(version);
    }
    const gone = [...this.#sizes.keys()].filter((version) => !kept.has(version));
    for (const version of gone) this.#sizes.delete(version);
    this.#sizes.set(catalog.version, sizeOf(catalog));
    return gone;
  }
}

function sizeOf({ relations, routines, types, operators, casts }: CatalogData): number {
  const objects = relations.length + routines.length + types.length + operators.length + casts.length;
  const ofRelations = relations.map(
    ({ columns, definition = "" }) => columns.length * COLUMN + definition.length,
  );
  return ofRelations.reduce((sum, size) => sum + size, objects * OBJECT);
}
