import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { finish } from "./processes.ts";
import type { Pass } from "./suites.ts";

/** One place where two outputs of a test differ: its lines straight (`-`) and through the gateway (`+`). */
export type Hunk = string;

/** What is new in each run by itself, or says nothing, and what stands in its place. */
const ALWAYS_NEW: readonly (readonly [RegExp, string])[] = [
  // The line of the server's source that has found an error. The gateway has no such line.
  [/^LOCATION: {2}.*:\d+\n/gm, ""],
  // A session's own schema goes by the number of its process.
  [/^(SCHEMA NAME: {2}pg_temp_)\d+$/gm, "$1(number)"],
  // The reference under which the audit log has a refusal.
  [/^(DETAIL: {2}Reference: )\S+$/gm, "$1(reference)"],
];

/**
 * Compares what one test said straight and through the gateway.
 * @returns the places where that differs, in order, without their line numbers: a shift is no difference
 */
export async function compare(test: string, straight: Pass, gateway: Pass): Promise<Hunk[]> {
  const [one, other] = await Promise.all([normalised(test, straight), normalised(test, gateway)]);
  const { code, stdout, stderr } = await finish("diff", ["--text", "--minimal", "--unified=0", one, other]);
  if (code > 1) throw new Error(`diff failed on ${test}:\n${stderr}`);
  return hunksOf(stdout);
}

/** The file with a test's output, without what is new in each run. A test that left none has said nothing. */
async function normalised(test: string, { folder, outputs }: Pass): Promise<string> {
  // Some tests print what is not UTF-8: each byte has to stay what it is.
  let text = await readFile(join(outputs, `${test}.out`), "latin1").catch(() => "");
  text = text.replaceAll(folder, "(folder)");
  for (const [pattern, replacement] of ALWAYS_NEW) text = text.replace(pattern, replacement);
  const file = join(folder, "normalised", `${test}.out`);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text, "latin1");
  return file;
}

/** The hunks of a unified diff without context. */
export function hunksOf(diff: string): Hunk[] {
  const [, ...hunks] = diff.split(/^@@ .*\n/m);
  return hunks;
}
