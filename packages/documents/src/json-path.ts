import { z } from "zod";

const MAX_LENGTH = 512;

/** From a value to some of those in it: members of an object, items of a list. */
export type JsonPathStep = {
  /** To those at any depth below it. */
  readonly deep: boolean;
} & ({ readonly name: string } | { readonly index: number } | { readonly every: true });

/** RFC 9535, section 2.5.1.1; control characters are refused, since messages and logs would repeat them. */
const NAME = String.raw`(?:[A-Za-z_]|[^\0-\x7f\p{Cc}])(?:[A-Za-z0-9_]|[^\0-\x7f\p{Cc}])*`;
const INDEX = "0|[1-9][0-9]{0,8}";
const quoted = (quote: string) =>
  String.raw`${quote}(?:[^${quote}\\\p{Cc}]|\\(?:[${quote}\\/bfnrt]|u[0-9a-fA-F]{4}))*${quote}`;
const BRACKETS = String.raw`\[(?:(?<star>\*)|(?<index>${INDEX})|(?<quoted>${quoted("'")}|${quoted('"')}))\]`;
const STEP = new RegExp(String.raw`(?:\.(?<dot>\.)?(?<word>${NAME}|\*)|(?<dots>\.\.)?${BRACKETS})`, "uy");

/**
 * The steps of a path into JSON, in a subset of RFC 9535: `$`, `.name`, `['name']`, `.*`, `[*]`, `[0]`, and with `..` before it each of those at any
 * depth. No filters, slices and lists of selectors, and no places from a list's end, which is not known while it comes.
 * @returns undefined where it is none
 */
export function parseJsonPath(path: string): readonly JsonPathStep[] | undefined {
  if (!path.startsWith("$") || path.length > MAX_LENGTH) return undefined;
  const steps: JsonPathStep[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < path.length) {
    const groups = STEP.exec(path)?.groups;
    if (groups === undefined) return undefined;
    const { dot, dots, word, star, index, quoted } = groups;
    const deep = (dot ?? dots) !== undefined;
    if (word === "*" || star !== undefined) steps.push({ deep, every: true });
    else if (index !== undefined) steps.push({ deep, index: Number(index) });
    else steps.push({ deep, name: word ?? nameIn(quoted ?? "") });
  }
  return steps;
}

/** A path as `parseJsonPath` takes it. */
export function jsonPath() {
  return z
    .string()
    .max(MAX_LENGTH, `expected at most ${MAX_LENGTH} characters`)
    .refine(
      (path) => parseJsonPath(path) !== undefined,
      "expected a path into JSON, such as $.customers[*].email, $..ssn or $['first name']",
    );
}

/** @param written in quotes of either kind, with JSON's escapes */
function nameIn(written: string): string {
  const inside = written.slice(1, -1);
  if (!inside.includes("\\")) return inside;
  const json = inside.replace(/\\'|"|\\./g, (found) =>
    found === "\\'" ? "'" : found === '"' ? String.raw`\"` : found,
  );
  return String(JSON.parse(`"${json}"`));
}
