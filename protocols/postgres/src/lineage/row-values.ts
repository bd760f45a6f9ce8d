import { isBuiltinFunction, isPolymorphic } from "../analysis/builtins.ts";
import { asList } from "../analysis/node.ts";
import { functionName, referenced, unwrapped } from "./references.ts";
import type { Scope } from "./scope.ts";
import type { Trace } from "./trace.ts";
import { mayHoldRows, mayNameRows } from "./types.ts";

/**
 * Whether a value may be a row, or an array of rows, as far as that can't be ruled out.
 * @param value what is known of it
 */
export function mayBeRow(node: unknown, scope: Scope, trace: Trace): boolean {
  return trace.deeper(() => {
    const [kind, body] = unwrapped(node);
    const any = (nodes: unknown) => asList(nodes).some((one) => mayBeRow(one, scope, trace));
    switch (kind) {
      case "A_Const":
      case "SQLValueFunction":
      case "BoolExpr":
      case "NullTest":
        return false;
      case "TypeCast":
        return mayNameRows(body["typeName"], trace);
      case "FuncCall": {
        const names = functionName(body);
        const name = names.at(-1) ?? "";
        if (!isBuiltinFunction(name) || (names.length > 1 && names[0] !== "pg_catalog")) return true;
        if (/tsvector|^(setweight|strip|ts_.*)$/.test(name)) return true;
        return isPolymorphic(name) || /^(array|trim_array)/.test(name) ? any(body["args"]) : false;
      }
      case "A_ArrayExpr":
        return any(body["elements"]);
      case "CoalesceExpr":
      case "MinMaxExpr":
        return any(body["args"]);
      case "A_Expr":
        return any([body["lexpr"], body["rexpr"]]);
      case "ColumnRef": {
        const { type } = referenced(body, scope, trace);
        return type === undefined || mayHoldRows(type, trace);
      }
      default:
        return kind !== "";
    }
  });
}
