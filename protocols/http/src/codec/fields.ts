import { isFieldValue, isToken } from "./characters.ts";
import { Malformed } from "./malformed.ts";

/** Fields of one message, at most: more are nobody's. */
export const MOST_FIELDS = 200;

/** One line of a head: its name as it was sent, and in small letters. Each unit of the texts is a byte. */
export interface Field {
  readonly name: string;
  readonly lower: string;
  readonly value: string;
}

const NONE: readonly string[] = [];

/** The fields of a message, or its trailers, in order (RFC 9110, section 5). */
export class Fields {
  readonly #all: readonly Field[];

  constructor(all: readonly Field[]) {
    this.#all = all;
  }

  [Symbol.iterator](): Iterator<Field> {
    return this.#all[Symbol.iterator]();
  }

  /** Those that are to be kept, in order. */
  filter(keep: (field: Field) => boolean): readonly Field[] {
    return this.#all.filter(keep);
  }

  get size(): number {
    return this.#all.length;
  }

  /** The values of all fields of a name. @param lower in small letters */
  all(lower: string): readonly string[] {
    const values: string[] = [];
    for (const field of this.#all) if (field.lower === lower) values.push(field.value);
    return values;
  }

  has(lower: string): boolean {
    return this.#all.some((field) => field.lower === lower);
  }

  /**
   * The one value of a field that may stand in a message once.
   * @throws Malformed where it stands there more often: one reader takes the first, another the last
   */
  only(lower: string): string | undefined {
    let found: Field | undefined;
    for (const field of this.#all) {
      if (field.lower !== lower) continue;
      if (found) throw new Malformed(`${lower} stands there more than once`);
      found = field;
    }
    return found?.value;
  }

  /** The members of a list that may be on several lines, in small letters (section 5.6.1). Empty ones are left out. */
  list(lower: string): readonly string[] {
    const all = this.all(lower);
    if (all.length === 0) return NONE;
    return all
      .flatMap((value) => value.split(","))
      .map((member) => trimmed(member).toLowerCase())
      .filter((member) => member !== "");
  }
}

/**
 * Reads field lines (RFC 9112, section 5).
 * @param lines without their ends
 * @throws Malformed
 */
export function parseFields(lines: readonly string[]): Fields {
  if (lines.length > MOST_FIELDS) throw new Malformed("too many fields", 431);
  return new Fields(lines.map(parseField));
}

function parseField(line: string): Field {
  // A line that goes on the one before (obs-fold) is two lines to some readers; so is a name with a blank behind it.
  const colon = line.indexOf(":");
  return checkedField(line.slice(0, Math.max(0, colon)), trimmed(line.slice(colon + 1)));
}

/** @throws Malformed where no message may have such a field */
export function checkedField(name: string, value: string): Field {
  if (!isToken(name)) throw new Malformed("a field has no proper name");
  if (!isFieldValue(value)) throw new Malformed(`${name.toLowerCase()} has control characters`);
  return { name, lower: name.toLowerCase(), value };
}

/** Whether there are blanks around it. */
export function isPadded(text: string): boolean {
  return trimmed(text) !== text;
}

/** Without the blanks around it: spaces and tabs, and nothing else that JavaScript takes for one. A pattern would try each of many blanks anew. */
export function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
