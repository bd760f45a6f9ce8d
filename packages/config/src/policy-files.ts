import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { SettingsIssue } from "@gatehouse/core";
import { wildcard } from "@gatehouse/documents";
import { listOf } from "./raw.ts";

/** What stands beside policies to test them: of no file with such a name are the rules in force. */
const TESTS = ".test.yaml";

/**
 * The files that the patterns of `policies` match: absolute, each once, sorted. `*` stands for any characters of a
 * file's name, save a dot at its beginning: editors and volume mounts keep what is not meant to be read there. Nor does
 * it match the cases that test policies (`*.test.yaml`).
 * A pattern that matches no file is an issue, since the rules it was to bring would be missing.
 */
export async function findPolicyFiles(
  folder: string,
  policies: unknown,
): Promise<{ files: string[]; issues: SettingsIssue[] }> {
  const files = new Set<string>();
  const issues: SettingsIssue[] = [];
  for (const [index, pattern] of listOf(policies).entries()) {
    if (typeof pattern !== "string" || !pattern.startsWith("file:")) continue;
    const path = resolve(folder, pattern.slice("file:".length));
    const found = await matches(path);
    if (typeof found === "string") issues.push({ path: ["policies", index], message: found });
    else for (const file of found) files.add(file);
  }
  return { files: [...files].sort(), issues };
}

/** The files, or why there are none. */
async function matches(path: string): Promise<string[] | string> {
  const folder = dirname(path);
  const pattern = basename(path);
  try {
    const names = pattern.includes("*") ? (await readdir(folder)).filter(listed(pattern)) : [pattern];
    const files: string[] = [];
    for (const name of names) {
      const file = join(folder, name);
      if ((await stat(file)).isFile()) files.push(file);
    }
    return files.length > 0
      ? files
      : "no file matches; name one that is there, relative to the config's folder";
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    return code === "ENOENT"
      ? "no file matches; name one that is there, relative to the config's folder"
      : `the policy files can't be read (${code}); make them readable for the gateway's user`;
  }
}

function listed(pattern: string): (name: string) => boolean {
  const fits = wildcard(pattern);
  return (name) => fits(name) && (pattern.startsWith(".") || !name.startsWith(".")) && !name.endsWith(TESTS);
}

/**
 * The cases that stand beside these policy files: absolute, each once, sorted. A policy file that is named in full is
 * one, whatever its name ends with.
 */
export async function findPolicyTests(policyFiles: readonly string[]): Promise<string[]> {
  const folders = new Set(policyFiles.map((file) => dirname(file)));
  const found = await Promise.all(
    [...folders].map(async (folder) => {
      // A folder that can't be listed can have files that are named in full.
      const names = await readdir(folder).catch(() => []);
      return names
        .filter((name) => name.endsWith(TESTS) && !name.startsWith("."))
        .map((name) => join(folder, name));
    }),
  );
  return found
    .flat()
    .filter((file) => !policyFiles.includes(file))
    .sort();
}
