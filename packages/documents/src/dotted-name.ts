import { z } from "zod";

/** A part without control characters, which messages and logs would repeat. */
const PART = /"(?:[^"\p{Cc}]|"")+"|[^."\p{Cc}]+/u;

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
 * A part with a dot or a quote in it stands in double quotes. Others are read without theirs, since that is how names
 * are reported: quotes too many would make a name that nothing ever has.
 */
function dottedName(expected: string, parts: number) {
  const pattern = new RegExp(`^(?:${PART.source})(?:\\.(?:${PART.source})){${parts - 1}}$`, "u");
  return z
    .string()
    .max(MAX_LENGTH, `expected at most ${MAX_LENGTH} characters`)
    .regex(pattern, `expected ${expected}`)
    .transform((text) =>
      Array.from(text.matchAll(new RegExp(PART, "gu")), ([part]) => plain(part)).join("."),
    );
}

function plain(part: string): string {
  return part.startsWith('"') && !/\.|""/.test(part) ? part.slice(1, -1) : part;
}

/** The parts of a dotted name, without the quotes around them. */
export function partsOf(name: string): string[] {
  return Array.from(name.matchAll(new RegExp(PART, "gu")), ([part]) =>
    part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part,
  );
}
