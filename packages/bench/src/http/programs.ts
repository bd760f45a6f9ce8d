import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findPrograms, type Programs as Found } from "../programs.ts";

const execute = promisify(execFile);

const NAMES = ["nginx", "wrk", "curl"] as const;

/** Paths of what the bench runs. */
export type Programs = Found<(typeof NAMES)[number]>;

/** What to do where they are missing, on Debian and its children. */
export const INSTALL = "apt-get update && apt-get install -y --no-install-recommends nginx-light wrk curl";

/** @throws Error that names each missing one, and says what to install */
export function findHttpPrograms(): Promise<Programs> {
  return findPrograms(NAMES, INSTALL);
}

/** What they say that they are. */
export async function versions({ nginx, wrk, curl }: Programs): Promise<Readonly<Record<string, string>>> {
  const said = await execute(nginx, ["-v"]);
  // It ends with an error where it is asked for its version alone.
  const asked = await execute(wrk, ["-v"]).catch((error: unknown) => error);
  const { stdout } = await execute(curl, ["--version"]);
  return {
    nginx: said.stderr.trim(),
    wrk: firstLine(asked instanceof Error && "stdout" in asked ? String(asked.stdout) : ""),
    curl: firstLine(stdout),
  };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
