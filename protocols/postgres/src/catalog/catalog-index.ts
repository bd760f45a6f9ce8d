import type { CatalogData, NamedType, Relation, Routine } from "./catalog.ts";

const NOTHING: readonly never[] = [];

/** Domains over domains. */
const MAX_DOMAINS = 32;

/** What a statement's names mean, by one reading of the catalog. All of it is looked up, none of it is searched. */
export class CatalogIndex {
  readonly data: CatalogData;
  readonly #relations: ReadonlyMap<string, Relation>;
  readonly #relationsById: ReadonlyMap<number, Relation>;
  readonly #children: ReadonlyMap<number, readonly Relation[]>;
  readonly #routines: ReadonlyMap<string, readonly Routine[]>;
  readonly #types: ReadonlyMap<number, NamedType>;

  constructor(data: CatalogData) {
    this.data = data;
    this.#relations = new Map(data.relations.map((relation) => [keyOf(relation), relation]));
    this.#relationsById = new Map(data.relations.map((relation) => [relation.id, relation]));
    this.#children = gathered(data.relations, ({ parents }) => parents);
    this.#routines = gathered(data.routines, (routine) => [keyOf(routine)]);
    this.#types = new Map(data.types.map((type) => [type.id, type]));
  }

  relation(schema: string, name: string): Relation | undefined {
    return this.#relations.get(keyOf({ schema, name }));
  }

  relationById(id: number): Relation | undefined {
    return this.#relationsById.get(id);
  }

  /**
   * All ancestors and all descendants by inheritance or partitioning, each once and without the relation itself. A
   * row of one of them can be seen by way of the other; one of a sibling's can't.
   */
  relatives(id: number): readonly Relation[] {
    const parentsOf = (of: Relation) => of.parents.flatMap((parent) => this.#relationsById.get(parent) ?? []);
    const childrenOf = (of: Relation) => this.#children.get(of.id) ?? NOTHING;
    return [...this.#reached(id, parentsOf), ...this.#reached(id, childrenOf)];
  }

  /** All that have this name: which of them a call means, their arguments tell. */
  routines(schema: string, name: string): readonly Routine[] {
    return this.#routines.get(keyOf({ schema, name })) ?? NOTHING;
  }

  type(id: number): NamedType | undefined {
    return this.#types.get(id);
  }

  /** Of a domain, the type below all domains; any other type is itself. */
  typeBelow(id: number): number {
    let below = id;
    for (let i = 0; i < MAX_DOMAINS; i++) {
      const type = this.#types.get(below);
      if (type?.kind !== "domain" || type.base === undefined) break;
      below = type.base;
    }
    return below;
  }

  #reached(id: number, next: (from: Relation) => readonly Relation[]): readonly Relation[] {
    const start = this.#relationsById.get(id);
    if (start === undefined) return NOTHING;
    // A set is gone through in the order of adding, also what is added on the way.
    const reached = new Set([start]);
    for (const relation of reached) for (const found of next(relation)) reached.add(found);
    reached.delete(start);
    return [...reached];
  }
}

/** Names hold no NUL. */
function keyOf({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${schema}\0${name}`;
}

function gathered<Key, Item>(
  items: readonly Item[],
  keysOf: (item: Item) => readonly Key[],
): ReadonlyMap<Key, readonly Item[]> {
  const found = new Map<Key, Item[]>();
  for (const item of items) {
    for (const key of keysOf(item)) {
      const listed = found.get(key);
      if (listed) listed.push(item);
      else found.set(key, [item]);
    }
  }
  return found;
}
