import { columnMatcher } from "@gatehouse/masking";

/** Whether a stored column, as `schema.table.column`, is one of those that the patterns mean. */
export type ColumnMatch = (column: string) => boolean;

/** Columns of a database are many, and not without end; names that come and go must not pile up. */
const MAX_KNOWN = 10_000;

/** @param patterns as a mask has them */
export function columnMatch(patterns: readonly string[]): ColumnMatch {
  const matchers = patterns.map(columnMatcher);
  const known = new Map<string, boolean>();
  return (column) => {
    let found = known.get(column);
    if (found === undefined) {
      found = matchers.some((matches) => matches(column));
      if (known.size === MAX_KNOWN) known.clear();
      known.set(column, found);
    }
    return found;
  };
}
