/**
 * The tests of minted users, at each version of PostgreSQL that `bash test/mint/install.sh` has put on the machine:
 *
 *   npm run mint:versions                    all of them
 *   npm run mint:versions -- 12 15           some of them
 *   npm run mint:versions -- --crashes       with the tests of crashes, which differ little from version to version
 *   POSTGRES_VERSIONS=FOLDER npm run mint:versions      from another folder
 */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";

const root = resolve(import.meta.dirname, "..", "..");
const folder = resolve(process.env["POSTGRES_VERSIONS"] ?? join(root, "node_modules", ".postgres"));
const { values, positionals: wanted } = parseArgs({
  options: { crashes: { type: "boolean", default: false } },
  allowPositionals: true,
});
const there = existsSync(folder) ? readdirSync(folder).filter((name) => /^\d+$/.test(name)) : [];
const versions = wanted.length > 0 ? wanted : there;
const files = [
  ...globSync("protocols/postgres/test/provisioner/*.test.ts", { cwd: root }),
  ...globSync("test/mint/*.test.ts", { cwd: root }),
].filter((file) => values.crashes || !basename(file).startsWith("crash-"));
let failed = versions.length === 0;
if (failed) process.stderr.write("There are no servers: run `bash test/mint/install.sh`.\n");

for (const version of versions) {
  process.stdout.write(`PostgreSQL ${version}\n`);
  const { status } = spawnSync(process.execPath, [join(root, "packages/toolchain/src/test.ts"), ...files], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, GATEHOUSE_TEST_POSTGRES: join(folder, version, "native") },
  });
  failed ||= status !== 0;
}
process.exitCode = failed ? 1 : 0;
