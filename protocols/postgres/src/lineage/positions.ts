import { asNode } from "../analysis/node.ts";

/** Clauses in which an integer is no value, but the place of a column in the answer. */
const BY_POSITION: ReadonlySet<string> = new Set(["sortClause", "groupClause", "distinctClause"]);

/**
 * Whether ORDER BY 1 or GROUP BY 1 stands anywhere in a text: which column that means, a literal says. Texts that differ
 * in it have not the same lineage.
 * @param stmts the parser's `stmts` of a text
 */
export function countsColumns(stmts: readonly unknown[]): boolean {
  const open: { readonly value: unknown; readonly counted: boolean }[] = [{ value: stmts, counted: false }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, counted } = next;
    if (Array.isArray(value)) {
      for (const item of value as unknown[]) open.push({ value: item, counted });
      continue;
    }
    const node = asNode(value);
    if (!node) continue;
    if (counted && node["A_Const"] !== undefined) return true;
    for (const [key, child] of Object.entries(node)) {
      open.push({ value: child, counted: BY_POSITION.has(key) || (counted && key !== "SubLink") });
    }
  }
  return false;
}
