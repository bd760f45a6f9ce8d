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
  const wanted = partsOf(pattern)?.map(wildcard);
  return (column) => {
    const parts = partsOf(column);
    if (wanted?.length !== 3 || parts?.length !== 3) return true;
    return parts.every((part, index) => wanted[index]?.(part));
  };
}
