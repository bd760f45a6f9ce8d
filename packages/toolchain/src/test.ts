/**
 * The tests, as `npm test` runs them:
 *
 *   npm test                      all that need Node and npm only
 *   npm run test:clients          those with psql and Python's psycopg, which have to be on the machine
 *   npm test -- FILE...           some of them
 *
 * The last line is `N passed, N failed`. A test that was skipped counts as failed: a check that does not run
 * must not look like one that did.
 */
import { spawn } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const root = resolve(import.meta.dirname, "..", "..", "..");
const tap = join(root, "node_modules", ".bin", "tap");
const ORDINARY = [
  "packages/*/test/**/*.test.ts",
  "protocols/*/test/**/*.test.ts",
  "certs/test/**/*.test.ts",
  "test/*.test.ts",
];
const CLIENTS = ["test/clients/*.test.ts"];

const { values, positionals } = parseArgs({
  options: { clients: { type: "boolean", default: false } },
  allowPositionals: true,
});

/** Runs tap, its output passed on. */
function run(args: readonly string[]): Promise<number> {
  return new Promise((done, reject) => {
    const child = spawn(tap, args, { cwd: root, stdio: "inherit" });
    child.once("error", reject);
    child.once("exit", (code) => done(code ?? 1));
  });
}

/** tap's own sum at the end of its TAP output: `# { total: 25, pass: 24, fail: 1 }`. */
function counts(output: string): { readonly passed: number; readonly failed: number } {
  const sum = [...output.matchAll(/^# \{ (total: .*) \}$/gm)].at(-1)?.[1] ?? "";
  const count = (name: string) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(sum)?.[1] ?? 0);
  return { passed: count("pass"), failed: count("fail") + count("skip") + count("todo") };
}

async function main(): Promise<number> {
  // Once for a clone: tap puts its own code together from the plugins that .taprc names.
  if (!existsSync(join(root, ".tap", "plugins")) && (await run(["build"])) !== 0) return 1;
  const patterns = values.clients ? CLIENTS : ORDINARY;
  const files = positionals.length > 0 ? positionals : globSync(patterns, { cwd: root }).sort();
  if (files.length === 0) throw new Error(`No test matches ${patterns.join(", ")}.`);
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-test-"));
  try {
    const output = join(folder, "output.tap");
    const code = await run([`--output-file=${output}`, ...files]);
    const { passed, failed } = counts(readFileSync(output, "utf8"));
    // A file that broke before its first assertion has none to count.
    const broken = code !== 0 && failed === 0 ? 1 : 0;
    process.stdout.write(`${passed} passed, ${failed + broken} failed\n`);
    return code === 0 && failed === 0 && passed > 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

process.exitCode = await main();
