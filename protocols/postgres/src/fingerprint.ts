import { createHash } from "node:crypto";
import type { Analysis } from "./analysis/analysis.ts";
import { shapeOf } from "./analysis/shape.ts";
import type { BindParameter } from "./codec/bind.ts";

/* What makes a command the one that it is, for people who are asked about it. */

/** Characters of a reason. */
export const REASON_LENGTH = 500;
/** Characters of an outline: nobody reads more of a statement, and a text can be a quarter of a megabyte. */
const OUTLINE_LENGTH = 64 * 1024;

/** What texts mean in a session at the moment. */
export interface Meaning {
  /** How they are read: equal where two sessions read alike. */
  readonly key: string;
  /** What a command's names stand for, where the target's catalog tells: other objects of the same name are others. */
  objectsOf(analysis: Analysis): readonly unknown[];
}

interface Rest {
  readonly parameters: readonly BindParameter[];
  /** As the client declared them; what the server infers, it infers from the text. */
  readonly declaredTypes?: readonly number[];
  readonly meaning?: Meaning;
  readonly runs?: readonly string[] | undefined;
  readonly columns: readonly string[] | undefined;
}

/**
 * SHA-256, in hex, over a command's text and parameters, how its session reads them, and what they were understood to
 * do. Two commands with the same one do the same, as far as their texts decide on that; of its shape, as far as the
 * texts without their values do. All parts are of known length or quoted, so that no two lists of them read alike.
 */
export function fingerprintOf(
  of: "command" | "shape",
  text: string,
  analysis: Analysis,
  { parameters, declaredTypes = [], meaning, runs = [], columns }: Rest,
): string {
  const { statements, verbs, access, named, reads, writes, functions, functionKinds, locks } = analysis;
  const does = { statements, verbs, access, named, reads, writes, functions, functionKinds, locks, columns };
  const hash = createHash("sha256");
  // The values that it gives to what it runs by name are not values of a statement that was looked at.
  const said = of === "shape" && runs.length === 0 ? withoutValues(text) : text;
  const means = [meaning?.key, meaning?.objectsOf(analysis)];
  hash.update(JSON.stringify([of, said, does, means, runs, declaredTypes, parameters.length]));
  if (of === "command") {
    for (const { value, binary } of parameters) {
      hash.update(JSON.stringify([binary, value?.length ?? null]));
      if (value !== null) hash.update(value);
    }
  }
  return hash.digest("hex");
}

function withoutValues(text: string): string {
  const shape = shapeOf(text);
  return shape === undefined ? text : withoutComments(shape);
}

/** In a shape, no string is left, and no comment has another in it; what looks like one in a quoted name is none. */
function withoutComments(shape: string): string {
  const kept = (found: string) => (found.startsWith('"') ? found : " ");
  return trimmed(shape.replace(/"[^"]*"|--[^\n\r]*|\/\*[\s\S]*?\*\//g, kept));
}

/** Without what PostgreSQL passes over at both ends. To it, unlike to `trim`, a no-break space is part of a name. */
function trimmed(text: string): string {
  let [start, end] = [0, text.length];
  while (SPACE.has(text.charCodeAt(start))) start++;
  while (end > start && SPACE.has(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** In PostgreSQL's lexer (scan.l): space, tab, line feed, vertical tab, form feed, carriage return. */
const SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0b, 0x0c, 0x0d]);

/** A text without its literals and comments; undefined where it takes more than a look to tell them apart. */
export function outlineOf(text: string): string | undefined {
  const shape = shapeOf(text.slice(0, OUTLINE_LENGTH + 1));
  if (shape === undefined || text.length > OUTLINE_LENGTH) return undefined;
  return withoutComments(shape).replaceAll("\u0001", "?").replaceAll("\u0002", "'…'");
}

/**
 * Why, as a text says it itself: in a comment at its beginning or its end that starts with `reason:`. No more than
 * what its author says; nothing is let through for it.
 */
export function reasonIn(text: string): string | undefined {
  const trimmed = text.trim();
  const head = /^(?:\/\*|--)\s*reason:([^\n*]*)/i.exec(trimmed)?.[1];
  const tail = /(?:\/\*\s*reason:([^\n*]*)\*\/|--\s*reason:([^\n*]*))\s*;?$/i.exec(
    trimmed.slice(-2 * REASON_LENGTH),
  );
  const reason = (head ?? tail?.[1] ?? tail?.[2])?.trim();
  return reason === undefined || reason === "" ? undefined : reason.slice(0, REASON_LENGTH);
}
