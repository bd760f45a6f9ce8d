import { isBuiltinFunction, isBuiltinRelation } from "./builtins.ts";

const PG_CATALOG = "pg_catalog";
/** Schemas that a path may list: each makes one more of every name that a text has. */
export const MAX_SCHEMAS = 64;
/** NAMEDATALEN - 1: PostgreSQL cuts longer names. */
const MAX_NAME = 63;
/** One name of a list, in double quotes or as it is, with the blanks and the comma behind it. */
const LISTED_NAME =
  /[ \t\n\r\f\v]*(?:"((?:[^"]|"")*)"|([^", \t\n\r\f\v][^, \t\n\r\f\v]*))[ \t\n\r\f\v]*(?:,|$)/gy;

/**
 * Where PostgreSQL looks for unqualified names. Which of several schemas has one, grammar can't tell: each that comes
 * into question is named, so that a rule about any of them holds.
 */
export class SearchPath {
  readonly #listed: readonly string[];
  readonly #schemas: readonly string[];
  /** User schemas that are looked into before pg_catalog: all of them can hide what PostgreSQL brings. */
  readonly #before: readonly string[];

  /** @param schemas as search_path lists them, with `$user` replaced */
  constructor(schemas: readonly string[]) {
    this.#listed = schemas;
    // pg_catalog comes first unless it is listed.
    this.#before = schemas.slice(0, Math.max(0, schemas.indexOf(PG_CATALOG)));
    this.#schemas = schemas.filter((schema) => schema !== PG_CATALOG);
  }

  /** The same path with this schema before all others that it lists. */
  behind(schema: string): SearchPath {
    return new SearchPath([schema, ...this.#listed]);
  }

  /** All in which a name may be found, each once, without their order. */
  get everywhere(): readonly string[] {
    return [PG_CATALOG, ...new Set(this.#schemas)];
  }

  /** A name of PostgreSQL's own means what it brings, whatever else there is. */
  get builtinsFirst(): boolean {
    return this.#before.length === 0;
  }

  /** Every relation, type or other object that the name may mean, as schema.name. */
  relations(name: string): readonly string[] {
    if (isBuiltinRelation(name)) return within([...this.#before, PG_CATALOG], name);
    // Nothing but temporary objects is found without a schema.
    return within(this.#schemas.length > 0 ? this.#schemas : ["pg_temp"], name);
  }

  /** Every function or operator that the name may mean. */
  functions(name: string, { operator = false } = {}): readonly string[] {
    if (operator || isBuiltinFunction(name)) return within([...this.#before, PG_CATALOG], name);
    return within(this.#schemas.length > 0 ? this.#schemas : [PG_CATALOG], name);
  }
}

/**
 * The schemas that a value of search_path lists, as the server reads it (SplitIdentifierString): `$user` stands as it
 * is, and the empty name, which no schema has, is left out.
 */
export function schemasIn(value: string): readonly string[] {
  const names = Array.from(value.matchAll(LISTED_NAME), ([, quoted, plain]) =>
    // In UTF-8, PostgreSQL folds the letters of ASCII alone.
    quoted === undefined
      ? (plain ?? "").replace(/[A-Z]/g, (letter) => letter.toLowerCase())
      : quoted.replaceAll('""', '"'),
  );
  return names.filter((name) => name !== "").map(truncated);
}

/** A name as the server keeps it: cut at the border of a character (pg_mbcliplen). */
export function truncated(name: string): string {
  const bytes = Buffer.from(name, "utf8");
  let end = Math.min(bytes.length, MAX_NAME);
  while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

/** A dotted name as it is reported. A dot inside a part must not look like the one between parts. */
export function dotted(names: readonly string[]): string {
  return names.map((name) => (/[."]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name)).join(".");
}

function within(schemas: readonly string[], name: string): readonly string[] {
  return schemas.map((schema) => dotted([schema, name]));
}
