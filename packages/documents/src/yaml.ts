import { messageOf, type SettingsIssue } from "@gatehouse/core";
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import type { Problem } from "./problem.ts";

/** Above this a file is no config or policy that a person wrote; it is refused before it is parsed. */
const MAX_LENGTH = 256 * 1024;

type Path = readonly (string | number)[];

/** A YAML file that parsed, with the way back from a value to its place in the text. */
export interface YamlDocument {
  readonly file: string;
  readonly value: unknown;
  /** The issues of a schema as problems with line and column. `prefix` leads to the part that was checked. */
  problems(issues: readonly SettingsIssue[], prefix?: Path): Problem[];
  /** The line of the value at `path`, counted from 1. */
  lineOf(path: Path): number;
  /**
   * A problem inside a scalar, `offset` characters into its value. Exact for plain and quoted scalars without
   * escapes; for others the start of the scalar is named, since text and value no longer run in step.
   */
  problemWithin(path: Path, offset: number, message: string): Problem;
}

export type YamlResult =
  | { readonly ok: true; readonly document: YamlDocument }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Parses one YAML 1.2 document. Duplicate keys, unknown tags and a second document are errors: where two
 * readers could differ, neither reading is taken. Aliases are bounded, so that a small file can't grow.
 */
export function parseYaml(text: string, file: string): YamlResult {
  const lines = text.split(/\r?\n/);
  const at = (line: number, column: number, message: string): Problem => {
    const excerpt = lines[line - 1];
    return { file, line, column, message, ...(excerpt === undefined ? {} : { excerpt }) };
  };
  if (text.length > MAX_LENGTH) {
    return {
      ok: false,
      problems: [{ file, line: 1, column: 1, message: "the file is larger than 256 KiB" }],
    };
  }
  const counter = new LineCounter();
  const parsed = parseDocument(text, { lineCounter: counter, prettyErrors: false, uniqueKeys: true });
  const complaints = [...parsed.errors, ...parsed.warnings];
  if (complaints.length > 0) {
    const problems = complaints.map((complaint) => {
      const { line, col } = counter.linePos(complaint.pos[0]);
      return at(line, col, complaint.message.replace(/\.$/, ""));
    });
    return { ok: false, problems };
  }
  const place = (path: Path, atKey: boolean) => {
    const { line, col } = counter.linePos(offsetOf(parsed.contents, path, atKey));
    return { line, column: col };
  };
  let value: unknown;
  try {
    value = parsed.toJS({ maxAliasCount: 100 });
  } catch (error) {
    const message = `the file's aliases can't be followed: ${messageOf(error)}`;
    return { ok: false, problems: [at(1, 1, message)] };
  }
  return {
    ok: true,
    document: {
      file,
      value,
      lineOf: (path) => place(path, false).line,
      problems: (issues, prefix = []) =>
        issues.map((issue) => {
          const { line, column } = place([...prefix, ...issue.path], issue.atKey === true);
          return issue.secret
            ? { file, line, column, message: issue.message }
            : at(line, column, issue.message);
        }),
      problemWithin(path, offset, message) {
        const node = parsed.getIn(path, true);
        const { line, column } = place(path, false);
        if (!isScalar(node) || typeof node.value !== "string" || !node.range)
          return at(line, column, message);
        const quote = node.type === "QUOTE_DOUBLE" || node.type === "QUOTE_SINGLE" ? 1 : 0;
        const start = node.range[0] + quote;
        if (!text.startsWith(node.value, start)) return at(line, column, message);
        const exact = counter.linePos(start + offset);
        return at(exact.line, exact.col, message);
      },
    },
  };
}

/** Where the value at `path` begins, or as near to it as the document goes: a missing key is shown at its parent. */
function offsetOf(contents: Node | null, path: Path, atKey: boolean): number {
  let node: unknown = contents;
  let offset = contents?.range?.[0] ?? 0;
  for (const [depth, step] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (!pair) return offset;
      const last = depth === path.length - 1;
      const keyOffset = isScalar(pair.key) ? pair.key.range?.[0] : undefined;
      const value: unknown = pair.value;
      const valueOffset = isNode(value) ? value.range?.[0] : undefined;
      // The key stands for its value where that is missing, a block of its own, or not what the issue is about.
      const showKey = (last && atKey) || isMap(value) || isSeq(value) || valueOffset === undefined;
      offset = (showKey ? keyOffset : valueOffset) ?? offset;
      node = value;
    } else if (isSeq(node) && typeof step === "number") {
      const item: unknown = node.items[step];
      if (!isNode(item)) return offset;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else {
      return offset;
    }
  }
  return offset;
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isMap(value) || isSeq(value);
}
