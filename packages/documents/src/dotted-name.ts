import { z } from "zod";

/** A part with a dot or a quote in it stands in double quotes, with quotes inside doubled. */
const PART = /"(?:[^"]|"")+"|[^."]+/g;
const NAME = new RegExp(`^(?:${PART.source})(?:\\.(?:${PART.source}))*$`);

/** PostgreSQL cuts names at 63 bytes; what is much longer is none. */
const MAX_LENGTH = 512;

/** `schema.table.column`, with `*` for any characters of a part: which stored columns are meant. */
export function columnPattern() {
  return dottedName("schema.table.column, with * for any characters of a part", 3);
}

/** `schema.function`. */
export function functionName() {
  return dottedName("schema.function", 2);
}

/**
 * Parts are read without the quotes that they don't need, since that is how names are reported: quotes too many would
 * make a name that nothing ever has. Control characters are refused, since messages and logs would repeat them.
 */
function dottedName(expected: string, count: number) {
  const part = String.raw`(?:"(?:[^"\p{Cc}]|"")+"|[^."\p{Cc}]+)`;
  const pattern = new RegExp(`^${part}(?:\\.${part}){${count - 1}}$`, "u");
  return z
    .string()
    .max(MAX_LENGTH, `expected at most ${MAX_LENGTH} characters`)
    .regex(pattern, `expected ${expected}`)
    .transform((text) => (text.match(PART) ?? []).map(plain).join("."));
}

function plain(part: string): string {
  return part.startsWith('"') && !/\.|""/.test(part) ? part.slice(1, -1) : part;
}

/**
 * The parts of a dotted name, without the quotes around them.
 * @returns undefined where a part is empty, a quote does not close, or something stands beside it
 */
export function partsOf(name: string): readonly string[] | undefined {
  if (!NAME.test(name)) return undefined;
  return (name.match(PART) ?? []).map((part) =>
    part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part,
  );
}
