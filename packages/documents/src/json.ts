import { messageOf, type SettingsIssue } from "@gatehouse/core";
import type { Problem } from "./problem.ts";

type Path = SettingsIssue["path"];

/** Of one file, more would only hide what is wrong with it. */
const MAX_PROBLEMS = 20;
/** A longer line is no help to who looks for a place in it. */
const LONGEST_EXCERPT = 200;

/** A JSON file that parsed, with the way back from a value to its place in the text. */
export interface JsonDocument {
  readonly value: unknown;
  /** The first of a schema's issues as problems with line and column. */
  problems(issues: readonly SettingsIssue[]): Problem[];
}

export type JsonResult =
  | { readonly ok: true; readonly document: JsonDocument }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Parses a JSON file that a program wrote: larger than what people write, and without the comforts of YAML.
 * @param file what problems call it
 */
export function parseJson(text: string, file: string): JsonResult {
  const problemAt = (offset: number, message: string): Problem => {
    const before = text.slice(0, offset).split("\n");
    const excerpt = text.split("\n", before.length).at(-1) ?? "";
    const place = { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1, message };
    return excerpt.length > LONGEST_EXCERPT ? place : { ...place, excerpt };
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const said = messageOf(error);
    // V8 does not always say where; a file that was cut off is wrong at its end.
    const offset = / in JSON at position (\d+)/.exec(said)?.[1];
    const at = offset === undefined ? (said.includes("end of JSON") ? text.length : 0) : Number(offset);
    const message = `the file is no JSON: ${lowerFirst(said.replace(/(?:,.* is not valid JSON| in JSON at .*)$/s, ""))}`;
    return { ok: false, problems: [problemAt(at, message)] };
  }
  const problems = (issues: readonly SettingsIssue[]) =>
    issues
      .slice(0, MAX_PROBLEMS)
      .map(({ path, message, atKey }) => problemAt(offsetOf(text, path, atKey === true), message));
  return { ok: true, document: { value, problems } };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Where the value at `path` begins, or as near to it as the document goes. @param text that is JSON */
function offsetOf(text: string, path: Path, atKey: boolean): number {
  let at = skipBlanks(text, 0);
  for (const [depth, step] of path.entries()) {
    const member = memberOf(text, at, step);
    if (member === undefined) return at;
    at = atKey && depth === path.length - 1 ? member.key : member.value;
  }
  return at;
}

/** The member of the object or array that begins at `start`, by key or by place. */
function memberOf(text: string, start: number, step: string | number) {
  const list = text[start] === "[";
  if (!list && text[start] !== "{") return undefined;
  let at = skipBlanks(text, start + 1);
  for (let index = 0; at < text.length && text[at] !== "]" && text[at] !== "}"; index++) {
    const key = at;
    let name: unknown = index;
    if (!list) {
      const end = skipValue(text, at);
      name = JSON.parse(text.slice(at, end));
      // Past the colon.
      at = skipBlanks(text, skipBlanks(text, end) + 1);
    }
    if (name === step) return { key, value: at };
    at = skipBlanks(text, skipValue(text, at));
    if (text[at] === ",") at = skipBlanks(text, at + 1);
  }
  return undefined;
}

/** The end of the value that begins at `at`. */
function skipValue(text: string, at: number): number {
  const token = /"(?:[^"\\]|\\.)*"|[[\]{}]|[^\s,:[\]{}"]+|[\s,:]+/sy;
  token.lastIndex = at;
  let depth = 0;
  do {
    const [found] = token.exec(text) ?? [];
    if (found === undefined) return text.length;
    if (found === "[" || found === "{") depth++;
    if (found === "]" || found === "}") depth--;
  } while (depth > 0);
  return token.lastIndex;
}

function skipBlanks(text: string, at: number): number {
  const blanks = /\s*/y;
  blanks.lastIndex = at;
  blanks.exec(text);
  return blanks.lastIndex;
}
