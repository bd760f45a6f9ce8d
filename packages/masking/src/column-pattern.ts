import { partsOf, wildcard } from "@gatehouse/documents";

/**
 * Whether a column is one of those that a pattern of `schema.table.column` means. Case counts: names are compared as
 * PostgreSQL keeps them. What has not three parts, on either side, is a mistake of whoever asks and matches, so that it
 * is masked.
 *
 * @param pattern as the policy's reader gives it: `*` in a part stands for any characters of that part
 * @returns asked with a column as lineage names it, each part quoted where it has a dot or a quote
 */
export function columnMatcher(pattern: string): (column: string) => boolean {
  const wanted = columnPattern(pattern);
  return (column) => {
    const [schema, table, name, ...more] = partsOf(column) ?? [];
    if (wanted === undefined || schema === undefined || table === undefined) return true;
    if (name === undefined || more.length > 0) return true;
    return wanted.column(name) && wanted.table(table) && wanted.schema(schema);
  };
}

/** A pattern's parts, each as what its names have to fit. */
export interface ColumnPattern {
  readonly schema: (name: string) => boolean;
  readonly table: (name: string) => boolean;
  readonly column: (name: string) => boolean;
}

/** @returns undefined where it has not three parts */
export function columnPattern(written: string): ColumnPattern | undefined {
  const [schema, table, column, ...more] = partsOf(written) ?? [];
  if (schema === undefined || table === undefined || column === undefined || more.length > 0)
    return undefined;
  return { schema: wildcard(schema), table: wildcard(table), column: wildcard(column) };
}
