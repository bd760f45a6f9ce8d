import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { checkValue, formatProblem, parseYaml } from "@gatehouse/documents";
import { z } from "zod";
import type { Hunk } from "./compare.ts";

/** The differences that may be, each with its reason. */
export const allowedFile = join(import.meta.dirname, "differences.yaml");

const hunks = z.array(z.string()).min(1);

const schema = z.array(
  z.strictObject({
    /** Why it may be. */
    reason: z.string().min(1),
    /** `SUITE/TEST` -> hunks, letter by letter: each stands for one that is found. */
    tests: z.record(z.string(), hunks).default({}),
    /** Hunks that may be in any test, however often. */
    everywhere: hunks.default([]),
  }),
);

/** A hunk that may be, and why. */
export interface Allowed {
  /** Left out: any test, however often. */
  readonly test?: string;
  readonly hunk: Hunk;
  readonly reason: string;
}

/** What became of one test's hunks. */
export interface Verdict {
  readonly test: string;
  readonly allowed: readonly Allowed[];
  /** Differences that nobody has allowed. */
  readonly unexpected: readonly Hunk[];
  /** Allowed differences that were not found. */
  readonly missing: readonly Allowed[];
}

/** Reads the list. @throws Error when it does not fit its schema */
export async function readAllowed(file: string = allowedFile): Promise<Allowed[]> {
  const parsed = parseYaml(await readFile(file, "utf8"), file);
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join("\n"));
  const checked = checkValue(schema, parsed.document.value);
  if (!checked.ok) throw new Error(parsed.document.problems(checked.issues).map(formatProblem).join("\n"));
  return checked.value.flatMap(({ reason, tests, everywhere }) => [
    ...Object.entries(tests).flatMap(([test, hunks]) => hunks.map((hunk) => ({ test, hunk, reason }))),
    ...everywhere.map((hunk) => ({ hunk, reason })),
  ]);
}

/**
 * Holds what was found in one test against what is allowed. A hunk that is allowed for a test stands for one
 * that is found: a second one of the same words is as unexpected as any other.
 */
export function judge(test: string, hunks: readonly Hunk[], list: readonly Allowed[]): Verdict {
  const missing = list.filter((entry) => entry.test === test);
  const allowed: Allowed[] = [];
  const unexpected: Hunk[] = [];
  for (const hunk of hunks) {
    const at = missing.findIndex((entry) => entry.hunk === hunk);
    const entry =
      at < 0
        ? list.find((entry) => entry.test === undefined && entry.hunk === hunk)
        : missing.splice(at, 1)[0];
    if (entry === undefined) unexpected.push(hunk);
    else allowed.push(entry);
  }
  return { test, allowed, unexpected, missing };
}

/** What the list says without being right: tests that no suite has, and hunks of any test that were in none. */
export function stale(list: readonly Allowed[], verdicts: readonly Verdict[]): Allowed[] {
  const tests = new Set(verdicts.map(({ test }) => test));
  const used = new Set(verdicts.flatMap(({ allowed }) => allowed));
  return list.filter((entry) => (entry.test === undefined ? !used.has(entry) : !tests.has(entry.test)));
}
