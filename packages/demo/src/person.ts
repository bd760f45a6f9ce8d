import { execFile } from "node:child_process";
import { join } from "node:path";
import type { Demo } from "./environment.ts";
import { expect } from "./step.ts";

/** The id of the approval that waits for dana, by the command that people use. */
export async function waiting(demo: Demo): Promise<string> {
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    const { stdout, stderr } = await gatehouse(demo, ["approvals", "--json"]);
    const listed: unknown = JSON.parse(stdout === "" ? "null" : stdout);
    const [first] = isListed(listed) ? listed.approvals : [];
    if (first) return first.id;
    expect(stderr === "", stderr);
  }
  throw new Error("nothing waits for dana");
}

/** Some of them start a process, which is wait enough; the others are so many milliseconds apart. */
export const MOST_LOOKS = 50;
export const LOOK = 200;

function isListed(value: unknown): value is { readonly approvals: readonly { readonly id: string }[] } {
  return (
    typeof value === "object" && value !== null && "approvals" in value && Array.isArray(value.approvals)
  );
}

/**
 * The `gatehouse` command, as somebody of the demo.
 * @param as variables that have the value of another one
 */
export async function gatehouse(
  { variables }: Demo,
  words: readonly string[],
  as: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const main = join(import.meta.dirname, "..", "..", "cli", "src", "main.ts");
  const others = Object.fromEntries(Object.entries(as).map(([name, like]) => [name, variables[like] ?? ""]));
  return new Promise((resolve) => {
    const env = { ...process.env, ...variables, ...others };
    execFile(process.execPath, [main, ...words], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}
