import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finish, run } from "./processes.ts";

/** PostgreSQL's own suites and the programs of the same version, unpacked and ready to be run. */
export interface SuiteSource {
  /** The version of Debian's packages. */
  readonly version: string;
  /** `src/test` of PostgreSQL's source. */
  readonly tests: string;
  /** The modules that the suites load into the server. */
  readonly modules: string;
  /** The server, psql and their like. */
  readonly bindir: string;
  /** `src/test` of what is installed for extensions: the suites' drivers. */
  readonly drivers: string;
}

const PACKAGE = "postgresql-15";
/**
 * With programs of another version than the suites' own, whole stretches of output go missing on both ways (a
 * later psql takes what stands behind a COPY that failed for its data), and nothing would show it.
 */
const PROGRAMS = [PACKAGE, "postgresql-client-15", "postgresql-server-dev-15"];
/** Modules in C, by their place in the source. */
const MODULES = ["src/test/regress/regress.c", "contrib/spi/autoinc.c", "contrib/spi/refint.c"];

/** What the folder of a version that is whole is called, before its version. */
const KEPT = "postgresql-";

/** Outside the repository, and kept from run to run. */
const cache = join(tmpdir(), "gatehouse-conformance");

/**
 * Fetches the source package of Debian's PostgreSQL 15 and the programs of that version, and builds what the
 * suites load into the server, unless an earlier run has. The machine's own PostgreSQL is not touched; what its
 * package depends on has to be installed.
 * @throws Error when the archive has no version in full, or a tool is missing
 */
export async function suiteSource(): Promise<SuiteSource> {
  const kept = (await readdir(cache).catch(() => [])).filter((name) => name.startsWith(KEPT)).sort();
  const folder = kept.at(-1) ?? (await fetch());
  const root = join(cache, folder);
  const installed = join(root, "programs", "usr", "lib", "postgresql", "15");
  return {
    version: folder.slice(KEPT.length),
    tests: join(root, "src", "test"),
    modules: join(root, "modules"),
    bindir: join(installed, "bin"),
    drivers: join(installed, "lib", "pgxs", "src", "test"),
  };
}

async function fetch(): Promise<string> {
  const work = join(cache, `new-${process.pid}`);
  await rm(work, { recursive: true, force: true });
  const lists = join(work, "apt", "lists");
  await mkdir(join(lists, "partial"), { recursive: true, mode: 0o755 });
  await mkdir(join(work, "apt", "cache", "archives", "partial"), { recursive: true });
  const list = join(work, "apt", "sources.list");
  await writeFile(list, await sourceLines());
  const apt = [
    ...["-o", `Dir::Etc::sourcelist=${list}`, "-o", "Dir::Etc::sourceparts=-"],
    ...["-o", `Dir::State::lists=${lists}`, "-o", `Dir::Cache=${join(work, "apt", "cache")}`],
    ...["-o", "APT::Sandbox::User=root", "-q"],
  ];
  await run("apt-get", [...apt, "update"]);
  const known = await run("apt-cache", [...apt, "showsrc", PACKAGE]);
  const versions = [...known.matchAll(/^Version: (\S+)$/gm)].map(([, version = ""]) => version).reverse();
  const version = await download(apt, versions, work);

  const unpacked = join(work, "unpacked");
  const files = await readdir(work);
  const description = files.find((name) => name.endsWith(".dsc")) ?? "";
  await run("dpkg-source", ["--extract", description, unpacked], { cwd: work });
  for (const file of files.filter((name) => name.endsWith(".deb"))) {
    await run("dpkg-deb", ["--extract", file, join(unpacked, "programs")], { cwd: work });
  }
  await mkdir(join(unpacked, "modules"));
  await build(unpacked);
  const folder = `${KEPT}${version}`;
  // In one step: a run that is cut short leaves nothing that a later one would take for whole.
  await rename(unpacked, join(cache, folder)).catch((error: unknown) => {
    if (!existsSync(join(cache, folder))) throw error;
  });
  await rm(work, { recursive: true });
  return folder;
}

/** The machine's own Debian archives, with their source packages. The machine's configuration stays as it is. */
async function sourceLines(): Promise<string> {
  const format = "$(REPO_URI) $(RELEASE) $(COMPONENT)";
  const targets = await run("apt-get", [
    ...["indextargets", "--format", format],
    ...["Created-By: Packages", "Origin: Debian", "Component: main"],
  ]);
  const lines = [...new Set(targets.split("\n"))].filter((line) => line !== "");
  if (lines.length === 0) throw new Error("No Debian archive is known here: run apt-get update first.");
  return lines.map((line) => `deb ${line}\ndeb-src ${line}\n`).join("");
}

/** Downloads the first of `versions` that the archive has in full: an index can be ahead of its archive. */
async function download(
  apt: readonly string[],
  versions: readonly string[],
  folder: string,
): Promise<string> {
  const failures: string[] = [];
  for (const version of versions) {
    const source = [...apt, "source", "--download-only", `${PACKAGE}=${version}`];
    const programs = [...apt, "download", ...PROGRAMS.map((name) => `${name}=${version}`)];
    const first = await finish("apt-get", source, { cwd: folder });
    const last = first.code === 0 ? await finish("apt-get", programs, { cwd: folder }) : first;
    if (last.code === 0) return version;
    failures.push(last.stderr);
  }
  throw new Error(`The archive has no source of ${PACKAGE}:\n${failures.join("")}`);
}

async function build(root: string): Promise<void> {
  const server = join(root, "programs", "usr", "include", "postgresql", "15", "server");
  // REFINT_VERBOSE below is as contrib/spi's Makefile has it.
  // libpq's own headers, which are the machine's.
  const client = (await run("pg_config", ["--includedir"])).trim();
  const includes = [`-I${server}`, `-I${client}`];
  for (const source of MODULES) {
    const name = source.replace(/^.*\/(.*)\.c$/, "$1.so");
    await run(
      "gcc",
      ["-O2", "-fPIC", "-shared", "-DREFINT_VERBOSE", ...includes, "-o", join("modules", name), source],
      {
        cwd: root,
      },
    );
  }
}
