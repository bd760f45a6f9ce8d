import { type Problem, parseYaml, type YamlDocument } from "@gatehouse/documents";
import type { PolicyText } from "./load.ts";

/*
 * What a file is, its name says: cases in `*.test.yaml`, policies in any other. A policy by a name of cases would be
 * left out without a word, and with it what it blocks or masks.
 */

/** Whether this was written to be a policy, whatever else is wrong with it. */
export function isPolicy(value: unknown): boolean {
  return hasOne(value, ["policy", "rules"]) && !hasOne(value, ["cases"]);
}

/** Whether this was written to be cases. */
export function isCases(value: unknown): boolean {
  return hasOne(value, ["cases"]) && !hasOne(value, ["policy", "rules"]);
}

/**
 * The problem of a policy in a file that is named as one of cases; undefined where it is none.
 * @param text of a file that no policy is read from
 */
export function misnamedPolicy({ path, text }: PolicyText): Problem | undefined {
  const parsed = parseYaml(text, path);
  return parsed.ok && isPolicy(parsed.document.value) ? policyAmongCases(parsed.document) : undefined;
}

export function policyAmongCases(document: YamlDocument): Problem {
  return problemAt(
    document,
    ["policy", "rules"],
    "this is a policy, and its file's name ends with .test.yaml, which is for cases that test policies: none of its rules would hold; give it another name",
  );
}

export function casesAmongPolicies(document: YamlDocument): Problem {
  return problemAt(
    document,
    ["cases"],
    "these are cases that test policies, and no policy: give the file a name that ends with .test.yaml",
  );
}

/** @param keys of which one is there */
function problemAt(document: YamlDocument, keys: readonly string[], message: string): Problem {
  const key = keys.find((candidate) => hasOne(document.value, [candidate])) ?? "";
  const [problem] = document.problems([{ path: [key], atKey: true, message }]);
  return problem ?? { file: document.file, line: 1, column: 1, message };
}

function hasOne(value: unknown, keys: readonly string[]): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return keys.some((key) => Object.hasOwn(value, key));
}
