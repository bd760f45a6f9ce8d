import { access, constants } from "node:fs/promises";
import { join } from "node:path";

/** Paths of programs, by their names. */
export type Programs<Name extends string> = Readonly<Record<Name, string>>;

/** Where Debian keeps a PostgreSQL server's programs, PATH, and where those are that only root runs. */
const FOLDERS = [
  ...["18", "17", "16", "15"].map((version) => `/usr/lib/postgresql/${version}/bin`),
  ...(process.env["PATH"] ?? "").split(":").filter((folder) => folder !== ""),
  "/usr/sbin",
];

/**
 * Finds programs of the machine. `setpriv` (util-linux), by which the bench runs whatever it runs, has to be there as well.
 * @param install what to do on Debian and its children where some are missing
 * @throws Error that names each missing one, and says what to install
 */
export async function findPrograms<Name extends string>(
  names: readonly Name[],
  install: string,
): Promise<Programs<Name>> {
  const found: Partial<Record<string, string>> = {};
  for (const name of ["setpriv", ...names]) {
    const path = await firstIn(FOLDERS, name);
    if (path !== undefined) found[name] = path;
  }
  const missing = ["setpriv", ...names].filter((name) => found[name] === undefined);
  if (missing.length === 0) return found as Programs<Name>;
  throw new Error(`Missing on this machine: ${missing.join(", ")}. On Debian, as root:\n  ${install}`);
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
