import type { CatalogIndex } from "../catalog/catalog-index.ts";
import { isBuiltinFunction, isBuiltinRelation } from "./builtins.ts";
import { asList, asText, asNode, type Node, namesIn } from "./node.ts";
import type { Resolution } from "./resolution.ts";
import { dotted, type SearchPath } from "./search-path.ts";

const PG_CATALOG = "pg_catalog";

/** What an operator of a text may mean. */
export interface Operators {
  /** As schema.name, where they can hide PostgreSQL's own. */
  readonly names: readonly string[];
  /** The functions of somebody's own behind them. */
  readonly functions: readonly string[];
  /** It is none of PostgreSQL's, or may be none, and nobody knows what it does. */
  readonly unknown: boolean;
}

/**
 * What the names of a text mean where they stand. The search path alone leaves several answers open; where the catalog is
 * known, there is mostly one.
 */
export class Names {
  readonly #resolution: Resolution;
  /** Something may be in the catalog, or have gone from it, that is not known. */
  readonly #unsettled: boolean;
  readonly #catalog: CatalogIndex | undefined;
  readonly #uncertain: () => void;

  /** @param uncertain told of a name of which nobody can say where the server looks for it */
  constructor(
    resolution: Resolution,
    known: { readonly catalog: CatalogIndex; readonly unsettled: boolean } | undefined,
    uncertain: () => void,
  ) {
    this.#resolution = resolution;
    this.#catalog = known?.catalog;
    this.#unsettled = known?.unsettled ?? true;
    this.#uncertain = uncertain;
  }

  /** Every relation that a RangeVar may mean, as schema.name. */
  relation(range: Node): readonly string[] {
    const name = asText(range["relname"]) ?? "";
    const schema = asText(range["schemaname"]);
    if (schema !== undefined) return [dotted([schema, name])];
    const path = this.#lookUp();
    const candidates = path.relations(name);
    // The server takes the first that there is.
    if (this.#unsettled || (isBuiltinRelation(name) && path.builtinsFirst)) return candidates;
    const found = [...(path.builtinsFirst ? [dotted([PG_CATALOG, name])] : []), ...candidates].find(
      (candidate) => this.#catalog?.relationNamed(candidate) !== undefined,
    );
    return found === undefined ? candidates : [found];
  }

  /** Every object of another kind that a name may mean. */
  object(given: readonly string[]): readonly string[] {
    const names = withoutDatabase(given);
    const [only] = names;
    return names.length === 1 && only !== undefined ? this.#lookUp().relations(only) : [dotted(names)];
  }

  /** Every function that a name may mean; which of those with one name it is, the types of its arguments tell. */
  functions(given: readonly string[]): readonly string[] {
    const names = withoutDatabase(given);
    const [only] = names;
    if (names.length > 1 || only === undefined) return [dotted(names)];
    const path = this.#lookUp();
    const candidates = path.functions(only);
    const found = this.made(only);
    if (isBuiltinFunction(only) || this.#unsettled) return [...new Set([...candidates, ...found])];
    return found.length > 0 ? found : candidates;
  }

  /** The functions of somebody's own that a name alone may mean, as far as they are known. */
  made(name: string): readonly string[] {
    return this.#resolution.path.everywhere
      .map((schema) => dotted([schema, name]))
      .filter((one) => (this.#catalog?.routinesNamed(one).length ?? 0) > 0);
  }

  /** Whether there may be a function of this name. */
  mayCall(given: readonly string[]): boolean {
    if (this.#unsettled || isBuiltinFunction(given.at(-1) ?? "")) return true;
    return this.functions(given).some((name) => (this.#catalog?.routinesNamed(name).length ?? 0) > 0);
  }

  /** Whether a name of PostgreSQL's own may mean what somebody else has put before it. */
  hides(given: readonly string[]): boolean {
    return withoutDatabase(given).length === 1 && !this.#resolution.path.builtinsFirst;
  }

  operators(given: readonly string[]): Operators {
    const names = withoutDatabase(given);
    const [only] = names;
    const alone = names.length === 1 && only !== undefined;
    const name = names.at(-1) ?? "";
    if (!alone && names[0] !== PG_CATALOG) {
      const own = this.#operatorsOf(names.slice(0, 1), name);
      return { names: [dotted(names)], functions: own, unknown: own.length === 0 };
    }
    if (!alone) return { names: [], functions: this.#operatorsOf([PG_CATALOG], name), unknown: false };
    const path = this.#lookUp();
    const functions = this.#operatorsOf(path.everywhere, name);
    if (path.builtinsFirst) return { names: [], functions, unknown: false };
    // Without a catalog, nobody knows what stands before PostgreSQL's own.
    return { names: path.functions(only, { operator: true }), functions, unknown: this.#unsettled };
  }

  /** Object ids of the types of somebody's own that a cast may name. `hidden`: they may hide one of PostgreSQL's. */
  types(typeName: unknown): { readonly ids: readonly number[]; readonly hidden: boolean } {
    return this.typesNamed(withoutDatabase(namesIn({ TypeName: typeName })));
  }

  /** The same, by a name without its database. */
  typesNamed(names: readonly string[]): { readonly ids: readonly number[]; readonly hidden: boolean } {
    const alone = names.length === 1;
    const path = alone ? this.#lookUp() : undefined;
    const schemas = path ? path.everywhere : names.slice(0, 1);
    const found = this.#catalog?.typesNamed(names.at(-1) ?? "") ?? [];
    const ids = found.filter(({ schema }) => schemas.includes(schema)).map(({ id }) => id);
    return { ids, hidden: path?.builtinsFirst === false && this.#unsettled };
  }

  #operatorsOf(schemas: readonly string[], name: string): readonly string[] {
    const own = this.#catalog?.operatorsNamed(name) ?? [];
    return own.filter(({ schema }) => schemas.includes(schema)).map((operator) => operator.function);
  }

  /** The path, for a name that has no schema before it. */
  #lookUp(): SearchPath {
    if (!this.#resolution.certain) this.#uncertain();
    return this.#resolution.path;
  }
}

/** A name may have its database before its schema: the server takes none but its own there. */
export function withoutDatabase(names: readonly string[]): readonly string[] {
  return names.length === 3 ? names.slice(1) : names;
}

/** The parts of a function's name in a call. */
export function functionNames(list: unknown): readonly string[] {
  return namesIn({ List: { items: asList(list) } });
}

/** The relation that a node names, where the parser leaves the node's own name out. */
export function rangeIn(value: unknown): Node | undefined {
  const node = asNode(value);
  return node?.["relname"] === undefined ? undefined : node;
}
