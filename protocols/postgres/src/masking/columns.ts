import { columnPattern, matchesColumn } from "@gatehouse/masking";

/** Whether a stored column, as `schema.table.column`, is one of those that the patterns mean. */
export type ColumnMatch = (column: string) => boolean;

/** Columns of a database are many, and not without end; names that come and go must not pile up. */
const MAX_KNOWN = 10_000;

/** @param patterns as a mask has them; one that is not of three parts means nothing, which the policy's reader refuses */
export function columnMatch(patterns: readonly string[]): ColumnMatch {
  const compiled = patterns.flatMap((written) => {
    const read = columnPattern(written);
    return read.ok ? [read.pattern] : [];
  });
  const known = new Map<string, boolean>();
  return (column) => {
    let matches = known.get(column);
    if (matches === undefined) {
      matches = compiled.some((pattern) => matchesColumn(pattern, column));
      if (known.size === MAX_KNOWN) known.clear();
      known.set(column, matches);
    }
    return matches;
  };
}
