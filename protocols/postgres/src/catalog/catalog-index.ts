import { dotted } from "../analysis/search-path.ts";
import { FIRST_OWN } from "./queries.ts";
import type { CatalogData, NamedType, Relation, Routine } from "./catalog.ts";

const NOTHING: readonly never[] = [];

/** Object id of the type text (pg_type.dat). */
const TEXT = 25;
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
  readonly #names = new Map<number, string>();
  readonly #families = new Map<number, Family>();
  /** By dotted name; those of one name, together. */
  readonly #relationsNamed: ReadonlyMap<string, Relation>;
  readonly #routinesNamed: ReadonlyMap<string, readonly Routine[]>;
  readonly #rowTypes: ReadonlyMap<number, NamedType>;
  readonly #typesNamed: ReadonlyMap<string, readonly NamedType[]>;
  readonly #operatorsNamed: ReadonlyMap<string, CatalogData["operators"]>;

  constructor(data: CatalogData) {
    this.data = data;
    this.#relations = new Map(data.relations.map((relation) => [keyOf(relation), relation]));
    this.#relationsById = new Map(data.relations.map((relation) => [relation.id, relation]));
    this.#children = gathered(data.relations, ({ parents }) => parents);
    this.#routines = gathered(data.routines, (routine) => [keyOf(routine)]);
    this.#types = new Map(data.types.map((type) => [type.id, type]));
    this.#relationsNamed = new Map(data.relations.map((relation) => [this.nameOf(relation), relation]));
    this.#routinesNamed = gathered(data.routines, ({ schema, name }) => [dotted([schema, name])]);
    this.#rowTypes = new Map(
      data.types.flatMap((type) => (type.relation === undefined ? [] : [[type.relation, type]])),
    );
    this.#typesNamed = gathered(data.types, ({ name }) => [name]);
    this.#operatorsNamed = gathered(data.operators, ({ name }) => [name]);
  }

  relation(schema: string, name: string): Relation | undefined {
    return this.#relations.get(keyOf({ schema, name }));
  }

  /** By the name that `nameOf` gives. */
  relationNamed(name: string): Relation | undefined {
    return this.#relationsNamed.get(name);
  }

  /** `schema.name`, as it is reported. */
  nameOf({ id, schema, name }: Relation): string {
    const known = this.#names.get(id) ?? dotted([schema, name]);
    this.#names.set(id, known);
    return known;
  }

  relationById(id: number): Relation | undefined {
    return this.#relationsById.get(id);
  }

  /**
   * All ancestors and all descendants by inheritance or partitioning, each once and without the relation itself. A
   * row of one of them can be seen by way of the other; one of a sibling's can't.
   */
  relatives(id: number): readonly Relation[] {
    const { above, below } = this.family(id);
    return [...above, ...below];
  }

  /** The same, ancestors and descendants apart. */
  family(id: number): Family {
    const known = this.#families.get(id);
    if (known) return known;
    const parentsOf = (of: Relation) => of.parents.flatMap((parent) => this.#relationsById.get(parent) ?? []);
    const childrenOf = (of: Relation) => this.#children.get(of.id) ?? NOTHING;
    const family = { above: this.#reached(id, parentsOf), below: this.#reached(id, childrenOf) };
    this.#families.set(id, family);
    return family;
  }

  /** All that have this name: which of them a call means, their arguments tell. */
  routines(schema: string, name: string): readonly Routine[] {
    return this.#routines.get(keyOf({ schema, name })) ?? NOTHING;
  }

  /** All that have this dotted name. */
  routinesNamed(name: string): readonly Routine[] {
    return this.#routinesNamed.get(name) ?? NOTHING;
  }

  /** Written in C and not volatile, as those of extensions' types are: only a superuser can make one. */
  harmless(name: string): boolean {
    const meant = this.routinesNamed(name);
    return meant.length > 0 && meant.every((routine) => isOfServer(routine) || isCompiled(routine));
  }

  /** It came with the server, as what information_schema's views are made of did. */
  ofServer(name: string): boolean {
    const meant = this.routinesNamed(name);
    return meant.length > 0 && meant.every(isOfServer);
  }

  type(id: number): NamedType | undefined {
    return this.#types.get(id);
  }

  /** All types that have this name, in whatever schema. */
  typesNamed(name: string): readonly NamedType[] {
    return this.#typesNamed.get(name) ?? NOTHING;
  }

  /** All operators of this name that somebody has made, in whatever schema. */
  operatorsNamed(name: string): CatalogData["operators"] {
    return this.#operatorsNamed.get(name) ?? NOTHING;
  }

  /** Of the rows of a relation, by its object id. */
  rowType(relation: number): NamedType | undefined {
    return this.#rowTypes.get(relation);
  }

  /** Types of somebody's own that a value of one of these has in it: elements, fields, what a domain or a range rests on. */
  typesWithin(ids: Iterable<number>): ReadonlySet<number> {
    // A set is gone through in the order of adding, also what is added on the way.
    const within = new Set(ids);
    for (const id of within) {
      const { base, element, relation } = this.#types.get(id) ?? {};
      if (base !== undefined) within.add(base);
      if (element !== undefined) within.add(element);
      for (const { type } of this.#relationsById.get(relation ?? 0)?.columns ?? NOTHING) within.add(type);
    }
    return within;
  }

  /** Object ids of the types of somebody's own that the arguments of a routine are of, or of others of their names. */
  typesTaken({ arguments: given }: Routine): readonly number[] {
    // In quotes a name may have anything in it.
    const named = given.includes('"')
      ? this.data.types.filter(({ name }) => given.includes(name.replaceAll('"', '""')))
      : given.split(/[^\p{L}\p{N}_$]+/u).flatMap((word) => this.typesNamed(word));
    return named.map(({ id }) => id);
  }

  /** Whether a value of one of these types is not made without running a routine. */
  isChecked(ids: Iterable<number>): boolean {
    return [...this.typesWithin(ids)].some((id) => this.#types.get(id)?.checks !== undefined);
  }

  /** The type, where it is a domain, and the domains below it. */
  domains(id: number): readonly NamedType[] {
    const found: NamedType[] = [];
    for (let type = this.#types.get(id); type?.kind === "domain"; type = this.#types.get(type.base ?? 0)) {
      if (found.length === MAX_DOMAINS) break;
      found.push(type);
    }
    return found;
  }

  /** Of a domain, the type below all domains; of one whose values are texts, text; any other type is itself. */
  typeBelow(id: number): number {
    const below = this.domains(id).at(-1)?.base ?? id;
    return this.#types.get(below)?.textual ? TEXT : below;
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

/** Those from which a relation has its columns, and those that have them from it. */
interface Family {
  readonly above: readonly Relation[];
  readonly below: readonly Relation[];
}

function isOfServer({ id, volatility }: Routine): boolean {
  return id < FIRST_OWN && volatility !== "volatile";
}

function isCompiled({ language, volatility }: Routine): boolean {
  return (language === "c" || language === "internal") && volatility !== "volatile";
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
