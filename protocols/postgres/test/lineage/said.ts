import type { StatementLineage } from "../../src/lineage/lineage.ts";

/**
 * A lineage in the words of the tables: `name=column! | by columns | writes columns | to where: columns | gap: what`, where `!` is exact and
 * `by` are predicates. Names without a schema are in `public`.
 */
export function said({ outputs, predicates, writes, flows, gaps, byName }: StatementLineage): string {
  const short = (names: readonly string[]) => names.map((name) => name.replace(/^public\./, "")).join("+");
  const parts = [
    ...(byName ? ["by name"] : []),
    ...(outputs
      ? [outputs.map(({ name, from, exact }) => `${name}=${short(from)}${exact ? "!" : ""}`).join(" ")]
      : []),
    ...(predicates.length > 0 ? [`by ${short(predicates)}`] : []),
    ...(writes.length > 0 ? [`writes ${short(writes)}`] : []),
    ...flows.map(({ from, to }) => `to ${to}: ${short(from)}`),
    ...gaps.map((gap) => `gap: ${gap}`),
  ];
  return parts.join(" | ");
}
