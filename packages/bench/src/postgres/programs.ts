import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Paths of what the bench runs. */
export interface Programs {
  readonly initdb: string;
  readonly postgres: string;
  readonly pg_isready: string;
  readonly psql: string;
  readonly pgbench: string;
  readonly pgbouncer: string;
}

/** `setpriv` is util-linux's: whatever runs here runs by it. */
const NAMES = ["setpriv", "initdb", "postgres", "pg_isready", "psql", "pgbench", "pgbouncer"] as const;

/** What to do where they are missing, on Debian and its children. */
export const INSTALL = "apt-get update && apt-get install -y --no-install-recommends postgresql pgbouncer";

/**
 * Finds them in PATH, where Debian keeps a server's programs, and in /usr/sbin.
 * @throws Error that names each missing one, and says what to install
 */
export async function findPrograms(): Promise<Programs> {
  const folders = [
    ...["18", "17", "16", "15"].map((version) => `/usr/lib/postgresql/${version}/bin`),
    ...(process.env["PATH"] ?? "").split(":").filter((folder) => folder !== ""),
    "/usr/sbin",
  ];
  const found = new Map<string, string>();
  for (const name of NAMES) {
    const path = await firstIn(folders, name);
    if (path !== undefined) found.set(name, path);
  }
  const path = (name: (typeof NAMES)[number]) => {
    const known = found.get(name);
    if (known !== undefined) return known;
    const missing = NAMES.filter((other) => !found.has(other)).join(", ");
    throw new Error(`Missing on this machine: ${missing}. On Debian, as root:\n  ${INSTALL}`);
  };
  return {
    initdb: path("initdb"),
    postgres: path("postgres"),
    pg_isready: path("pg_isready"),
    psql: path("psql"),
    pgbench: path("pgbench"),
    pgbouncer: path("pgbouncer"),
  };
}

async function firstIn(folders: readonly string[], name: string): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not in this one.
    }
  }
  return undefined;
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
