import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findPrograms, type Programs as Found } from "../programs.ts";

const execute = promisify(execFile);

const NAMES = ["initdb", "postgres", "pg_isready", "psql", "pgbench", "pgbouncer"] as const;

/** Paths of what the bench runs. */
export type Programs = Found<(typeof NAMES)[number]>;

/** What to do where they are missing, on Debian and its children. */
export const INSTALL = "apt-get update && apt-get install -y --no-install-recommends postgresql pgbouncer";

/** @throws Error that names each missing one, and says what to install */
export function findPostgres(): Promise<Programs> {
  return findPrograms(NAMES, INSTALL);
}

/** What their `--version` says, by name. */
export async function versions(programs: Programs): Promise<Readonly<Record<string, string>>> {
  const { postgres, pgbench, pgbouncer } = programs;
  const entries = Object.entries({ postgres, pgbench, pgbouncer }).map(async ([name, path]) => {
    const { stdout } = await execute(path, ["--version"]);
    return [name, stdout.split("\n")[0] ?? ""] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}
