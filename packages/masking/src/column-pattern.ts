/** PostgreSQL cuts names at 63 bytes; a pattern's part can be somewhat longer for its quotes and stars. */
const MAX_PATTERN = 512;

/** A pattern of `schema.table.column`, read once. `*` in a part stands for any characters of that part. */
export interface ColumnPattern {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
}

export type ColumnPatternResult =
  | { readonly ok: true; readonly pattern: ColumnPattern }
  | { readonly ok: false; readonly message: string };

/**
 * Reads a pattern as a config has it. Parts with a dot or a quote stand in double quotes, with quotes inside doubled,
 * which is how columns are reported. Case counts: names are compared as PostgreSQL keeps them.
 */
export function columnPattern(written: string): ColumnPatternResult {
  const refused = (message: string): ColumnPatternResult => ({ ok: false, message });
  if (written.length > MAX_PATTERN) return refused(`a pattern of more than ${MAX_PATTERN} characters`);
  const parts = partsOf(written);
  if (parts === undefined) return refused("a quote that is not closed, or something beside it");
  const [schema, table, column, ...more] = parts;
  if (schema === undefined || table === undefined || column === undefined || more.length > 0) {
    return refused(
      `expected schema.table.column, found ${parts.length === 1 ? "one part" : `${parts.length} parts`}`,
    );
  }
  if (parts.includes("")) return refused("expected schema.table.column, found a part with nothing in it");
  return { ok: true, pattern: { schema, table, column } };
}

/**
 * Whether a column is one of the pattern's. What is no `schema.table.column` is a mistake of whoever asks and
 * matches, so that it is masked.
 *
 * @param column as lineage names it: `schema.table.column`, each part quoted where it has a dot or a quote
 */
export function matchesColumn(pattern: ColumnPattern, column: string): boolean {
  const parts = partsOf(column);
  if (parts?.length !== 3) return true;
  const [schema = "", table = "", name = ""] = parts;
  return (
    matchesPart(pattern.column, name) &&
    matchesPart(pattern.table, table) &&
    matchesPart(pattern.schema, schema)
  );
}

/** Undefined where quotes don't close, or where something stands beside them. */
function partsOf(dotted: string): readonly string[] | undefined {
  if (!dotted.includes('"')) return dotted.split(".");
  const parts: string[] = [];
  for (let at = 0; ; at++) {
    let end = dotted.indexOf(".", at);
    if (dotted[at] === '"') {
      end = at + 1;
      while (dotted[end] !== '"' || dotted[end + 1] === '"') {
        if (end >= dotted.length) return undefined;
        end += dotted[end] === '"' ? 2 : 1;
      }
      parts.push(dotted.slice(at + 1, end).replaceAll('""', '"'));
      end++;
      if (end < dotted.length && dotted[end] !== ".") return undefined;
    } else {
      if (end === -1) end = dotted.length;
      const part = dotted.slice(at, end);
      if (part.includes('"')) return undefined;
      parts.push(part);
    }
    if (end >= dotted.length) return parts;
    at = end;
  }
}

/** Goes back to the last star only, so that time is the product of the two lengths at the most. */
function matchesPart(pattern: string, name: string): boolean {
  let p = 0;
  let n = 0;
  let star = -1;
  let resume = 0;
  while (n < name.length) {
    if (pattern[p] === "*") {
      star = p++;
      resume = n;
    } else if (pattern[p] === name[n]) {
      p++;
      n++;
    } else if (star >= 0) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}
