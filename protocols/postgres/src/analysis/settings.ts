import type { Access } from "@gatehouse/core";
import { decoderOf } from "./encodings.ts";

/** Settings that decide how the text of later statements is read, or which objects their names mean. */
const HOW_TEXT_IS_READ: ReadonlySet<string> = new Set([
  "client_encoding",
  "search_path",
  "standard_conforming_strings",
]);

/** Whoever the session acts as is `$user` in the search_path. */
const WHO_ACTS: ReadonlySet<string> = new Set(["role", "session_authorization"]);

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
  // PostgreSQL's lexer (scan.l) makes errors and warnings of these, and its analysis an IS NULL: never another token.
  ...["backslash_quote", "escape_string_warning", "transform_null_equals"],
]);

/** What the names of the gateway's own settings begin with. */
const GATEWAYS = "gatehouse.";

export type SettingEffect =
  /** `reading`: later texts may be read in another way. */
  { readonly access: Access; readonly reading: boolean } | { readonly unsupported: string };

/**
 * What setting `name` to `value` does. `value` is undefined where the statement does not say it as a literal,
 * and null for a reset to what the session began with.
 */
export function effectOfSetting(name: string, value: string | null | undefined): SettingEffect {
  const lower = name.toLowerCase();
  // By these the database's own rules know who asks: whoever could set them could be somebody else.
  if (lower.startsWith(GATEWAYS)) return { unsupported: `Only the gateway sets ${lower}.` };
  if (HOW_TEXT_IS_READ.has(lower)) {
    if (lower === "client_encoding" && typeof value === "string" && !decoderOf(value)) {
      return { unsupported: `The gateway can't read statements in the encoding ${value}.` };
    }
    return { access: "read", reading: true };
  }
  if (HARMLESS.has(lower) || /^enable_\w+$/.test(lower)) return { access: "read", reading: false };
  return { access: "admin", reading: WHO_ACTS.has(lower) };
}
