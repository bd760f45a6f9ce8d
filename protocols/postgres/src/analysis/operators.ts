import { asText, type Node, namesIn } from "./node.ts";

const EQUALS: readonly string[] = ["="];

/**
 * The operators that a node has PostgreSQL look up by name, as dotted names: those that are written (in an
 * expression, before ANY or ALL, in ORDER BY), and those that stand behind other words (parse_expr.c, parse_clause.c).
 *
 * @param kind the node's name in the grammar
 */
export function operatorsIn(kind: string, node: Node): readonly (readonly string[])[] {
  const written = node["operName"] ?? node["useOp"] ?? (kind === "A_Expr" ? node["name"] : undefined);
  if (written !== undefined) {
    const between = asText(node["kind"])?.includes("BETWEEN") === true;
    return between ? [["<"], ["<="], [">"], [">="]] : [namesIn({ List: { items: written } })];
  }
  const compares =
    (kind === "JoinExpr" && (node["usingClause"] !== undefined || node["isNatural"] === true)) ||
    (kind === "CaseExpr" && node["arg"] !== undefined) ||
    (kind === "SubLink" && node["testexpr"] !== undefined);
  return compares ? [EQUALS] : [];
}
