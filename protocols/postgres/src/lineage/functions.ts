import {
  BUILTINS_VERSION,
  givesRows,
  isBuiltinFunction,
  isVolatile,
  resultsOfFunction,
} from "../analysis/builtins.ts";
import { dotted } from "../analysis/search-path.ts";
import type { Routine } from "../catalog/catalog.ts";
import type { Trace } from "./trace.ts";
import { derived, type Field, fieldsNamed, type Shape, type Sources, UNKNOWN_SHAPE } from "./values.ts";

const PG_CATALOG = "pg_catalog";

/** They run a query that is handed to them as text, or show files, the log of changes, other sessions' texts. */
const OPAQUE = new RegExp(
  `^(${[
    "(query|cursor|table|schema|database)_to_xml.*|ts_stat|ts_rewrite",
    "pg_read_(binary_)?file|pg_logical_slot_(get|peek)_.*",
    "pg_stat_get_(backend_)?activity|pg_mcv_list_items|lo_import",
  ].join("|")})$`,
);

/** Volatile ones that keep nothing of what they are given. */
const KEEPS_NOTHING: ReadonlySet<string> = new Set([
  ...["array_sample", "array_shuffle", "random", "random_normal", "uuidv7", "pg_relation_size"],
  ...["clock_timestamp", "gen_random_uuid", "timeofday", "uuidv4"],
  ...["currval", "pg_sequence_last_value", "pg_get_sequence_data", "pg_xact_status", "txid_status"],
  ...["pg_database_size", "pg_indexes_size", "pg_table_size", "pg_tablespace_size", "pg_total_relation_size"],
  ...["pg_partition_ancestors", "pg_partition_tree", "pg_blocking_pids", "pg_xact_commit_timestamp"],
]);

/** What else keeps what it is given, in words for a person. */
const KEEPERS: readonly (readonly [RegExp, string])[] = [
  [/^set_config$/, "a setting"],
  [/^(setval|nextval)$/, "a sequence"],
  [/^pg_notify$/, "a notification"],
  [/^(lo_|lowrite)/, "a large object"],
  [/^pg_(try_)?advisory_/, "a lock"],
];

/** How long they take tells what they are given. */
const SLEEPS = /^pg_sleep(_for|_until)?$/;

/** What a call means, as its name tells. */
interface Callee {
  /** Of PostgreSQL's own. */
  readonly builtin?: string;
  /** Of somebody's own making. */
  readonly routines: readonly Routine[];
}

/**
 * What a call's value depends on; what it does beside giving one is put on the trace.
 * @param names of the function, without its database
 */
export function followCall(names: readonly string[], args: Sources, trace: Trace): Sources {
  if (isHelper(names)) return new Set([...args].filter(({ holdsOthers }) => !holdsOthers));
  const { builtin, routines } = calleeOf(names, trace);
  if (routines.length > 0) trace.effects++;
  for (const routine of routines) {
    const name = dotted([routine.schema, routine.name]);
    if (!trace.surroundings.trusted.has(name))
      trace.gap(`the function ${name}, which is not PostgreSQL's own`);
    else if (routine.returnsSet) trace.add(trace.predicates, args);
  }
  if (builtin === undefined) return args;
  if (builtin === "set_config") trace.sets = true;
  if (OPAQUE.test(builtin)) trace.gap(`what the function ${builtin} shows`);
  if (givesRows(builtin) || SLEEPS.test(builtin)) trace.add(trace.predicates, args);
  if (isVolatile(builtin) && !KEEPS_NOTHING.has(builtin)) {
    trace.effects++;
    if (!SLEEPS.test(builtin)) trace.flow(args, keeperOf(builtin));
  }
  return args;
}

function keeperOf(name: string): string {
  return KEEPERS.find(([pattern]) => pattern.test(name))?.[1] ?? `the function ${name}`;
}

/** The helpers of information_schema's views, which drivers use, too. Of a whole row they look at the types alone. */
function isHelper(names: readonly string[]): boolean {
  return names.at(-2) === "information_schema" && names.at(-1)?.startsWith("_pg_") === true;
}

/**
 * All that an unqualified name may mean: which of several functions it is, their arguments' types tell, and one in a later
 * schema of the path can fit better than PostgreSQL's own.
 */
function calleeOf(names: readonly string[], trace: Trace): Callee {
  const { catalog, path } = trace.surroundings;
  const name = names.at(-1) ?? "";
  const schema = names.length > 1 ? names.at(-2) : undefined;
  if (schema === undefined) trace.looksUp();
  const schemas = schema === undefined ? [...new Set([PG_CATALOG, ...path])] : [schema];
  const routines = schemas.flatMap((one) => catalog.routines(one, name));
  if ((schema ?? PG_CATALOG) === PG_CATALOG && isBuiltinFunction(name)) return { builtin: name, routines };
  if (routines.length === 0) trace.gap(`the function ${dotted(names)}, which is not in the catalog`);
  return { routines };
}

/** The operators that stand in an expression: PostgreSQL's own do nothing but compute. */
export function followOperators(operators: readonly (readonly string[])[], trace: Trace): void {
  const { catalog, path, trusted } = trace.surroundings;
  for (const names of operators) {
    const schema = names.length > 1 ? names.at(-2) : undefined;
    for (const operator of catalog.operatorsNamed(names.at(-1) ?? "")) {
      const meant =
        schema === undefined ? [PG_CATALOG, ...path].includes(operator.schema) : schema === operator.schema;
      if (!meant || trusted.has(operator.function) || isCompiled(operator.function, trace)) continue;
      trace.gap(`the operator ${dotted([operator.schema, operator.name])}, which is not PostgreSQL's own`);
    }
  }
}

/**
 * The casts of somebody's own from or to the types of what a statement reads, writes or casts to: one runs a function, and
 * need not be written to be made. A parameter may be of any type.
 */
export function followCasts(trace: Trace): void {
  const { types, parameters } = trace;
  const { catalog, trusted } = trace.surroundings;
  for (const { source, target, function: name } of catalog.data.casts) {
    const ends = [source, target];
    const own = ends.filter((end) => catalog.type(end) !== undefined);
    // Between two types of PostgreSQL's own it takes both: either is everywhere.
    const used = own.length > 0 ? own.some((end) => types.has(end)) : ends.every((end) => types.has(end));
    if (!used && !parameters) continue;
    if (trusted.has(name) || isCompiled(name, trace)) continue;
    trace.gap(`a cast by the function ${name}, which is not PostgreSQL's own`);
  }
}

/** Written in C, as those of extensions' types are: only a superuser can make one. */
function isCompiled(name: string, { surroundings: { catalog } }: Trace): boolean {
  compiled.set(catalog, compiled.get(catalog) ?? compiledRoutines(catalog.data.routines));
  return compiled.get(catalog)?.has(name) === true;
}

const compiled = new WeakMap<object, ReadonlySet<string>>();

function compiledRoutines(routines: readonly Routine[]): ReadonlySet<string> {
  const names = new Set<string>();
  const others = new Set<string>();
  for (const { schema, name, language } of routines) {
    (language === "c" || language === "internal" ? names : others).add(dotted([schema, name]));
  }
  // Of the same name, any may be meant.
  for (const name of others) names.delete(name);
  return names;
}

/** What a function gives in FROM. */
export interface FunctionRows {
  readonly names: readonly string[];
  /** What its rows come from. */
  readonly sources: Sources;
  /** An argument may be a row, or an array of rows. */
  readonly ofRows: boolean;
  /** What a single column is called that has no name of its own. */
  readonly name: string;
}

export function rowsOfFunction({ names, sources, ofRows, name }: FunctionRows, trace: Trace): Shape {
  const field = (of: string): Field => ({ name: of, value: derived(sources) });
  const { catalog } = trace.surroundings;
  const last = names.at(-1) ?? "";
  if (names.length === 1 || names.at(-2) === PG_CATALOG) {
    if (ofRows) return { ...UNKNOWN_SHAPE, rest: sources };
    const results = resultsOfFunction(last);
    // Elsewhere, one with several columns may have more or fewer.
    const known = results !== undefined && (results.length < 2 || sameVersion(catalog.data.serverVersion));
    if (isBuiltinFunction(last) && known)
      return { fields: (results.length > 0 ? results : [name]).map(field) };
    if (last === "unnest") return { fields: [field(name)] };
  }
  return { fields: [], rest: sources };
}

function sameVersion(serverVersion: number): boolean {
  return Math.floor(serverVersion / 10_000) === BUILTINS_VERSION;
}

/** The fields of what a call gives as one value, where it is several. */
export function resultRow(names: readonly string[], sources: Sources, trace: Trace): Shape | undefined {
  const own = names.length === 1 || names.at(-2) === PG_CATALOG;
  const results = own
    ? resultsOfFunction(names.at(-1) ?? "")
    : isHelper(names)
      ? HELPERS.get(names.at(-1) ?? "")
      : [];
  if (results === undefined || results.length < 2) return undefined;
  if (own && !sameVersion(trace.surroundings.catalog.data.serverVersion))
    return { fields: [], rest: sources };
  return fieldsNamed(results, derived(sources));
}

/** The one that gives several columns. */
const HELPERS: ReadonlyMap<string, readonly string[]> = new Map([["_pg_expandarray", ["x", "n"]]]);
