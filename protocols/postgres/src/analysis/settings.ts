import type { Access } from "@gatehouse/core";

/**
 * Settings that change how the text of later statements is read, or which objects their names mean. The
 * analysis holds only for the values that the gateway has given them, so they stay as they are.
 */
const HOW_TEXT_IS_READ: ReadonlySet<string> = new Set([
  "backslash_quote",
  "client_encoding",
  "escape_string_warning",
  "search_path",
  "standard_conforming_strings",
  "transform_null_equals",
]);

/** How values look, how long things may take, how plans are made: nothing that a reader may not choose. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...["application_name", "bytea_output", "client_min_messages", "datestyle", "extra_float_digits"],
  ...[
    "intervalstyle",
    "timezone",
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
  ],
  ...[
    "transaction_timeout",
    "geqo",
    "jit",
    "plan_cache_mode",
    "constraint_exclusion",
    "cursor_tuple_fraction",
  ],
  ...["from_collapse_limit", "join_collapse_limit", "default_transaction_isolation", "transaction_isolation"],
  ...["default_transaction_deferrable", "transaction_deferrable", "synchronize_seqscans", "xmloption"],
  ...["lc_messages", "lc_monetary", "lc_numeric", "lc_time", "gin_fuzzy_search_limit", "hash_mem_multiplier"],
]);

/** UTF-8 is what the analysis reads; asking for it again changes nothing. */
const UTF8 = /^(utf-?8|unicode)$/i;

export type SettingEffect = { readonly access: Access } | { readonly unsupported: string };

/**
 * What setting `name` to `value` does. `value` is undefined where the statement does not say it as a literal,
 * and null for a reset to what the session began with.
 */
export function effectOfSetting(name: string, value: string | null | undefined): SettingEffect {
  const lower = name.toLowerCase();
  if (HOW_TEXT_IS_READ.has(lower)) {
    const same =
      value === null ||
      (lower === "client_encoding" && value !== undefined && UTF8.test(value)) ||
      (lower === "standard_conforming_strings" && value !== undefined && /^(on|true|yes|1)$/i.test(value));
    return same
      ? { access: "read" }
      : {
          unsupported: `The setting ${lower} changes how statements are read; it can't be changed through the gateway.`,
        };
  }
  if (HARMLESS.has(lower) || /^enable_\w+$/.test(lower)) return { access: "read" };
  return { access: "admin" };
}
