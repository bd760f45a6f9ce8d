import type { Access } from "@gatehouse/core";
import builtins from "./builtins.generated.json" with { type: "json" };

const stable: ReadonlySet<string> = new Set(builtins.stable);
const volatile: ReadonlySet<string> = new Set(builtins.volatile);
const relations: ReadonlySet<string> = new Set(builtins.relations);
const sets: ReadonlySet<string> = new Set(builtins.sets);
const polymorphic: ReadonlySet<string> = new Set(builtins.polymorphic);
const results: ReadonlyMap<string, readonly (readonly string[])[]> = gatheredResults();

/** The major version whose functions are listed. */
export const BUILTINS_VERSION = 18;

/**
 * Run a query that is handed to them as text, or by a name that the grammar does not show; or make a value of a type that
 * they are given, which may have checks.
 */
const RUNS_SQL =
  /^(pg_input_(is_valid|error_info)$|(array|domain|multirange|range|record)_in$|query_to_xml|cursor_to_xml|table_to_xml|schema_to_xml|database_to_xml|ts_stat$|ts_rewrite$)/;

/**
 * Volatile functions that change nothing that others can see. Volatile ones that are not listed here or
 * below are held to be `admin`: they reach files, other sessions, replication or the server's settings.
 */
const HARMLESS_VOLATILE: ReadonlySet<string> = new Set([
  ...[
    "array_sample",
    "array_shuffle",
    "bernoulli",
    "system",
    "clock_timestamp",
    "current_query",
    "currval",
    "gen_random_uuid",
  ],
  // Of no use without lo_open, which writes if it is asked to.
  ...["lo_close", "lo_lseek", "lo_lseek64", "lo_tell", "lo_tell64", "loread"],
  ...["lastval", "pg_blocking_pids", "pg_collation_actual_version", "pg_database_collation_actual_version"],
  ...["pg_database_size", "pg_indexes_size", "pg_is_in_recovery", "pg_jit_available", "pg_lock_status"],
  ...[
    "pg_partition_ancestors",
    "pg_partition_tree",
    "pg_relation_size",
    "pg_sequence_last_value",
    "pg_sleep",
  ],
  ...["pg_sleep_for", "pg_sleep_until", "pg_table_size", "pg_tablespace_size", "pg_total_relation_size"],
  ...["pg_xact_status", "random", "random_normal", "setseed", "timeofday", "txid_status", "uuidv4", "uuidv7"],
]);

const WRITES =
  /^(nextval|setval|pg_notify|lo_(creat|create|from_bytea|open|put|truncate|truncate64|unlink)|lowrite|pg_(try_)?advisory_.*)$/;

/** What calling a function of this name does, as its schema and name alone tell. */
export function accessOfFunction(schema: string | undefined, name: string): Access {
  if (schema !== undefined && schema !== "pg_catalog") return "unknown";
  if (RUNS_SQL.test(name)) return "unknown";
  if (stable.has(name) || HARMLESS_VOLATILE.has(name)) return "read";
  if (WRITES.test(name)) return "write";
  return volatile.has(name) ? "admin" : "unknown";
}

/** A function that somebody has made, and not one of PostgreSQL's own of which too little is known. */
export function isUserFunction(schema: string | undefined, name: string): boolean {
  return schema === undefined ? !isBuiltinFunction(name) && !RUNS_SQL.test(name) : schema !== "pg_catalog";
}

/** PostgreSQL looks into pg_catalog before any schema of the search path, unless the path lists it. */
export function isBuiltinFunction(name: string): boolean {
  return stable.has(name) || volatile.has(name);
}

export function isBuiltinRelation(name: string): boolean {
  return relations.has(name);
}

export function isVolatile(name: string): boolean {
  return volatile.has(name);
}

/** Whether one of this name gives as many rows as its arguments say. */
export function givesRows(name: string): boolean {
  return sets.has(name);
}

/** Whether one of this name gives a value of its argument's own type, which may be a row. */
export function isPolymorphic(name: string): boolean {
  return polymorphic.has(name);
}

/**
 * What the columns are called that a function of this name gives: empty where it gives one value that has no name.
 * Undefined where functions of the same name give others.
 */
export function resultsOfFunction(name: string): readonly string[] | undefined {
  const [only = [], ...others] = results.get(name) ?? [];
  return others.length === 0 ? only : undefined;
}

function gatheredResults(): ReadonlyMap<string, readonly (readonly string[])[]> {
  const gathered = new Map<string, string[][]>();
  for (const line of builtins.results) {
    const [name = "", ...columns] = line.split(" ");
    gathered.set(name, [...(gathered.get(name) ?? []), columns]);
  }
  return gathered;
}
