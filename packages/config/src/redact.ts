import type { SettingsIssue } from "@gatehouse/core";
import type { Problem } from "@gatehouse/documents";
import { valueAt } from "./raw.ts";

/**
 * A literal secret may stand at any wrong place of the file: as a part of an address, below a misspelt key, in a
 * line that is no YAML. So a config's problems repeat no value of the file, whichever key it stands at, and no
 * line; place, expectation and the nearest right word are enough to find and mend it.
 */
export function withoutValues(issue: SettingsIssue, root: unknown): SettingsIssue {
  return { ...issue, secret: true, message: withoutKey(withoutFound(issue.message), issue, root) };
}

/** Cuts what was found out of a schema's message, unless that is the kind of thing and not the thing. */
function withoutFound(message: string): string {
  return message.replace(
    /, found (?!(a list|a map of keys|nothing|a literal)$).*?(; did you mean "[a-zA-Z0-9_-]+"\?)?$/s,
    (_all, _kind, nearest: string | undefined) => nearest ?? "",
  );
}

/** `{ password:hunter2 }`, without its space, is a key without a value: such a key may be a secret itself. */
function withoutKey(message: string, { path, atKey }: SettingsIssue, root: unknown): string {
  const key = path.at(-1);
  if (atKey !== true || typeof key !== "string" || !message.startsWith(`"${key}"`)) return message;
  const isWord = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/.test(key) || key === "__proto__";
  return isWord && valueAt(root, path) !== null ? message : `this${message.slice(key.length + 2)}`;
}

/**
 * A problem of the YAML itself. The parser's messages quote the text after a colon or with its signs; only
 * those that are plain words are passed on.
 */
export function withoutText({ file, line, column, message }: Problem): Problem {
  const plain = /^(?:[\w ,()'"/-]| : )+$/.test(message);
  return {
    file,
    line,
    column,
    message: plain
      ? message
      : "this is no YAML; a value that holds or begins with a sign (*, &, !, @, \\, :) needs quotes",
  };
}
