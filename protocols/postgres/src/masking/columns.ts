/*
 * Columns are named as `schema.table.column`; a part that has a dot or a quote stands in "" (`dotted` writes them so).
 * In a pattern, `*` stands for any characters of its part.
 */

/** Whether a stored column is one of those that the patterns mean. */
export type ColumnMatch = (column: string) => boolean;

/** @param patterns as a mask has them; one that is not of three parts means nothing, which the policy's reader refuses */
export function columnMatch(patterns: readonly string[]): ColumnMatch {
  const compiled = patterns.map(partsOf);
  const known = new Map<string, boolean>();
  return (column) => {
    let matches = known.get(column);
    if (matches === undefined) {
      const parts = partsOf(column);
      matches = compiled.some((pattern) => fits(pattern, parts));
      // Columns of a database are many, and not without end; names that come and go must not pile up.
      if (known.size === MAX_KNOWN) known.clear();
      known.set(column, matches);
    }
    return matches;
  };
}

const MAX_KNOWN = 10_000;

function fits(pattern: readonly string[], column: readonly string[]): boolean {
  // What is no column's name is a mistake of whoever asks, and is masked.
  if (column.length !== 3) return true;
  return pattern.length === 3 && pattern.every((part, index) => fitsPart(part, column[index] ?? ""));
}

/** One pass, which goes back to the last `*` alone: no pattern takes long. */
function fitsPart(pattern: string, name: string): boolean {
  let at = 0;
  let star = -1;
  let behind = 0;
  for (let index = 0; index < name.length; ) {
    if (pattern[at] === "*") {
      star = at++;
      behind = index;
    } else if (at < pattern.length && pattern[at] === name[index]) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++behind;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

function partsOf(name: string): readonly string[] {
  const parts: string[] = [];
  for (let at = 0; at <= name.length; at++) {
    if (name[at] !== '"') {
      const dot = name.indexOf(".", at);
      const end = dot === -1 ? name.length : dot;
      parts.push(name.slice(at, end));
      at = end;
      continue;
    }
    let end = name.indexOf('"', at + 1);
    while (end !== -1 && name[end + 1] === '"') end = name.indexOf('"', end + 2);
    // Not closed, or with more behind it: a name of nothing.
    if (end === -1 || (end + 1 < name.length && name[end + 1] !== ".")) return [];
    parts.push(name.slice(at + 1, end).replaceAll('""', '"'));
    at = end + 1;
  }
  return parts;
}
