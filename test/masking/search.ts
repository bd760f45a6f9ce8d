import { formsOf, type Kind } from "./forms.ts";
import type { Answer } from "./session.ts";

export interface Canary {
  readonly kind: Kind;
  readonly value: string;
}

/** Finds canaries in what a client has received. */
export class Search {
  /** Length of a piece -> piece -> the value that it is one of. */
  readonly #exact = new Map<number, Map<string, string>>();
  readonly #anyCase = new Map<number, Map<string, string>>();

  constructor(canaries: readonly Canary[]) {
    for (const { kind, value } of canaries) {
      for (const { bytes, piece = bytes.length, anyCase = false } of formsOf(kind, value)) {
        const known = anyCase ? this.#anyCase : this.#exact;
        for (const part of windows(anyCase ? bytes.toLowerCase() : bytes, piece)) {
          const byLength = known.get(part.length) ?? new Map<string, string>();
          known.set(part.length, byLength.set(part, value));
        }
      }
    }
  }

  /**
   * The canaries that show in a session's answers: anywhere in the bytes, or spread over the values of its rows, as
   * characters or as their codes.
   */
  in(received: Buffer, answers: readonly Answer[]): ReadonlySet<string> {
    const values = answers.flatMap(valuesIn);
    const raw = received.toString("latin1");
    const texts = [
      raw,
      // base64 has line breaks, and some write bytes apart.
      raw.replace(/[ \r\n]/g, ""),
      values.map((value) => value.toString("latin1")).join(""),
      String.fromCharCode(...values.map(codeIn)),
    ];
    const found = new Set<string>();
    for (const text of texts) {
      look(text, this.#exact, found);
      look(text.toLowerCase(), this.#anyCase, found);
    }
    return found;
  }
}

/** The values of a DataRow that are not NULL; of other messages, none. */
export function valuesIn({ letter, body }: Answer): Buffer[] {
  if (letter !== "D") return [];
  const values: Buffer[] = [];
  for (let at = 2; at < body.length; ) {
    const length = body.readInt32BE(at);
    if (length >= 0) values.push(body.subarray(at + 4, at + 4 + length));
    at += 4 + Math.max(length, 0);
  }
  return values;
}

/** The number that a value is, in text or binary format, as the code of a character. */
function codeIn(value: Buffer): number {
  const code = /^\d{2,3}$/.test(value.toString("latin1"))
    ? Number(value.toString("latin1"))
    : value.length === 4
      ? value.readInt32BE()
      : 0;
  return code > 0 && code < 256 ? code : 0;
}

function look(
  text: string,
  known: ReadonlyMap<number, ReadonlyMap<string, string>>,
  found: Set<string>,
): void {
  for (const [length, pieces] of known) {
    for (const part of windows(text, length)) {
      const value = pieces.get(part);
      if (value !== undefined) found.add(value);
    }
  }
}

/** Every piece of this length, a byte apart. */
function* windows(text: string, length: number): Generator<string> {
  for (let at = 0; at + length <= text.length; at++) yield text.slice(at, at + length);
}
