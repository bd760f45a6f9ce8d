import type { ParameterStatus } from "./codec/parameter-status.ts";
import type { TargetSessionAttrs } from "./settings.ts";

const READ_ONLY = "SHOW transaction_read_only";
const IN_RECOVERY = "SELECT pg_catalog.pg_is_in_recovery()";

/** What a server can be asked about. `prefer-standby` is two rounds: a standby, then any. */
export type ServerKind = Exclude<TargetSessionAttrs, "prefer-standby">;

export function rounds(wanted: TargetSessionAttrs): readonly ServerKind[] {
  return wanted === "prefer-standby" ? ["standby", "any"] : [wanted];
}

const BY_READ_ONLY: ReadonlyMap<string, ServerKind> = new Map([
  ["on", "read-only"],
  ["off", "read-write"],
]);
const BY_RECOVERY: ReadonlyMap<string, ServerKind> = new Map([
  ["on", "standby"],
  ["off", "primary"],
  ["t", "standby"],
  ["f", "primary"],
]);

/**
 * Why this server is not the kind that is wanted, by libpq's rules for target_session_attrs; undefined where it is.
 * @param reported what the server said of its settings; since PostgreSQL 14 that is enough
 * @param ask puts a query to the server; gives the first column of its one row, undefined where there is none
 */
export async function whyNot(
  wanted: ServerKind,
  reported: readonly ParameterStatus[],
  ask: (query: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  // Of a setting that was reported twice, the last value holds.
  const settings = new Map(reported.map(({ name, value }) => [name, value]));
  const standby = settings.get("in_hot_standby");
  const readOnly = settings.get("default_transaction_read_only");
  switch (wanted) {
    case "any":
      return undefined;
    case "read-write":
    case "read-only": {
      const known = standby === undefined || readOnly === undefined ? undefined : [standby, readOnly];
      const answer = known === undefined ? await ask(READ_ONLY) : known.includes("on") ? "on" : readOnly;
      return mismatch(wanted, BY_READ_ONLY.get(answer ?? ""));
    }
    case "primary":
    case "standby":
      return mismatch(wanted, BY_RECOVERY.get(standby ?? (await ask(IN_RECOVERY)) ?? ""));
  }
}

function mismatch(wanted: ServerKind, found: ServerKind | undefined): string | undefined {
  if (found === undefined) return "does not say which kind of server it is";
  return found === wanted ? undefined : `is ${found}`;
}
