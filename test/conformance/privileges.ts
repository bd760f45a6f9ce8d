import { spawn } from "node:child_process";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { environmentsOf } from "./clients.ts";
import { makeCertificates } from "./gateway.ts";
import { databases, startCluster } from "./postgres.ts";
import type { SuiteSource } from "./suite-source.ts";
import { testsOf } from "./suites.ts";

/** The oracle belongs to the protocol whose analysis it asks about. */
const main = join(
  ...[import.meta.dirname, "..", "..", "protocols", "postgres", "test", "regression", "main.ts"],
);

/**
 * Asks PostgreSQL's privileges about the statements of the regression suite, one test after the other on one server. What
 * is found goes to the standard output.
 * @param options.tests these alone; what they rest on is run all the same
 * @returns the oracle's exit code
 */
export async function askPrivileges(
  source: SuiteSource,
  options: {
    readonly folder: string;
    readonly tests?: readonly string[] | undefined;
    readonly signal: AbortSignal;
  },
): Promise<number> {
  const { folder, tests, signal } = options;
  const { caFile, server } = await makeCertificates(folder);
  const tls = { certificatePem: server.certificatePem, keyPem: server.key.reveal(), caFile };
  const cluster = await startCluster(join(folder, "cluster"), source.bindir, tls);
  try {
    signal.throwIfAborted();
    const results = join(folder, "results");
    await mkdir(results);
    // The server writes here, as a user of its own.
    await chmod(results, 0o777);
    const inputs = join(source.tests, "regress");
    const all = tests ?? (await testsOf("regress", source));
    const child = spawn(process.execPath, [main, inputs, databases.regress, ...all], {
      env: {
        ...environmentsOf(cluster, caFile).socket,
        // As pg_regress tells the suite where things are.
        PG_ABS_SRCDIR: inputs,
        PG_ABS_BUILDDIR: folder,
        PG_LIBDIR: source.modules,
        PG_DLSUFFIX: ".so",
      },
      stdio: ["ignore", "inherit", "inherit"],
      signal,
    });
    return await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve(code ?? 1));
    });
  } finally {
    await cluster.stop();
  }
}
