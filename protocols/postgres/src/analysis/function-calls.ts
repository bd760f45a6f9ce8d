import type { Analysis } from "./analysis.ts";
import { accessOfFunction } from "./builtins.ts";
import { Findings } from "./findings.ts";

/**
 * Functions that clients call by object id (libpq's and pgjdbc's large objects; pg_proc.dat). The ids of PostgreSQL's
 * own functions are the same in every version and database.
 */
const FUNCTIONS: ReadonlyMap<number, string> = new Map([
  [715, "lo_create"],
  [764, "lo_import"],
  [765, "lo_export"],
  [767, "lo_import"],
  [952, "lo_open"],
  [953, "lo_close"],
  [954, "loread"],
  [955, "lowrite"],
  [956, "lo_lseek"],
  [957, "lo_creat"],
  [958, "lo_tell"],
  [964, "lo_unlink"],
  [1004, "lo_truncate"],
  [3170, "lo_lseek64"],
  [3171, "lo_tell64"],
  [3172, "lo_truncate64"],
  [3457, "lo_from_bytea"],
  [3458, "lo_get"],
  [3459, "lo_get"],
  [3460, "lo_put"],
]);

/** The name of a function of pg_catalog that clients call by its object id; undefined for any other. */
export function functionByOid(oid: number): string | undefined {
  return FUNCTIONS.get(oid);
}

/** What a FunctionCall does. A function that is not known may do anything. */
export function analyzeFunctionCall(oid: number): Analysis {
  const findings = new Findings();
  const name = functionByOid(oid);
  findings.verb("FUNCTION CALL");
  findings.calls([name === undefined ? `oid ${oid}` : `pg_catalog.${name}`]);
  findings.widen(name === undefined ? "unknown" : accessOfFunction("pg_catalog", name));
  return findings.analysis(1);
}
