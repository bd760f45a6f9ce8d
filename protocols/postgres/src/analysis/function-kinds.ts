import type { CatalogIndex } from "../catalog/catalog-index.ts";
import { isVolatile } from "./builtins.ts";

/** What a policy may want to know of the functions that a statement calls. */
export type FunctionKind =
  | "volatile"
  | "security definer"
  | "user-defined"
  | "files"
  | "servers"
  | "settings";

/** By name: PostgreSQL's own, and those of the extensions that come with it (adminpack, dblink, file_fdw, postgres_fdw). */
const REACHES: readonly (readonly [FunctionKind, RegExp])[] = [
  [
    "files",
    /^(pg_read_(binary_)?file|pg_ls_.*|pg_stat_file|pg_file_.*|pg_current_logfile|pg_logdir_ls|lo_(im|ex)port|pg_hba_file_rules|pg_ident_file_mappings|pg_show_all_file_settings)$/,
  ],
  ["servers", /^(dblink.*|postgres_fdw_.*|pg_(create|copy)_(logical|physical)_replication_slot)$/],
  ["settings", /^(set_config|pg_reload_conf)$/],
];

/**
 * The kinds of functions among these, sorted.
 * @param functions as schema.name, every one that may be meant
 * @param own those of them that somebody has made
 */
export function kindsOf(
  functions: readonly string[],
  own: ReadonlySet<string>,
  catalog: CatalogIndex | undefined,
): readonly FunctionKind[] {
  const kinds = new Set<FunctionKind>();
  for (const name of functions) {
    const last = name.slice(name.lastIndexOf(".") + 1);
    for (const [kind, pattern] of REACHES) if (pattern.test(last)) kinds.add(kind);
    const routines = catalog?.routinesNamed(name) ?? [];
    if (own.has(name)) {
      kinds.add("user-defined");
      // What is not known may be anything.
      if (routines.length === 0) kinds.add("volatile").add("security definer");
    }
    if (name.startsWith("pg_catalog.") && isVolatile(last)) kinds.add("volatile");
    for (const { volatility, securityDefiner } of routines) {
      if (volatility === "volatile") kinds.add("volatile");
      if (securityDefiner) kinds.add("security definer");
    }
  }
  return [...kinds].sort();
}
