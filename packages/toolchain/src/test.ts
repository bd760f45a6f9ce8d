/**
 * The tests, as `npm test` runs them:
 *
 *   npm test                      all that need Node and npm only
 *   npm run test:clients          those with real clients, which `bash test/clients/install.sh` puts on the machine
 *   npm run test:clients -- --without go,java     all of these worlds but some, which are named as not run
 *   npm test -- FILE...           some of them
 *
 * The last line is `N passed, N failed`. A test that was skipped counts as failed: a check that does not run
 * must not look like one that did.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";

const root = resolve(import.meta.dirname, "..", "..", "..");
const tap = join(root, "node_modules", ".bin", "tap");
const ORDINARY = [
  "packages/*/test/**/*.test.ts",
  "protocols/*/test/**/*.test.ts",
  "certs/test/**/*.test.ts",
  "test/*.test.ts",
  "test/conformance/*.test.ts",
  "test/holds/*.test.ts",
  "test/masking/*.test.ts",
  "test/mint/*.test.ts",
];
const CLIENTS = ["test/clients/*.test.ts", "{packages,protocols}/*/test/clients/*.test.ts"];
/** They stand among a package's own tests, and need what a newcomer's machine need not have. */
const isClients = (file: string) => /(?:^|[/\\])test[/\\]clients[/\\]/.test(file);
/** A world of clients is the test files of its name: `go.test.ts`, `go.held.test.ts`. */
const world = (file: string) => basename(file).split(".")[0] ?? "";

const { values, positionals } = parseArgs({
  options: {
    clients: { type: "boolean", default: false },
    without: { type: "string", multiple: true, default: [] },
  },
  allowPositionals: true,
});

/** Runs tap. Its reporters are for terminals: elsewhere the sum below stands in for them. */
function run(args: readonly string[], stdout: "inherit" | "ignore" = "inherit"): Promise<number> {
  return new Promise((done, reject) => {
    const child = spawn(tap, args, { cwd: root, stdio: ["ignore", stdout, "inherit"] });
    child.once("error", reject);
    child.once("exit", (code) => done(code ?? 1));
  });
}

/** From TAP output: a line for each file, and of each failure what was expected and what came instead. */
function summary(output: string): string {
  const lines: string[] = [];
  let failing = false;
  for (const line of output.split("\n")) {
    if (/^ *# (?:not run|figures): /.test(line)) lines.push(line.trim());
    if (/^(not )?ok \d/.test(line))
      lines.push(line.replace(/^ok \d+ - /, "✔ ").replace(/^not ok \d+ - /, "✘ "));
    failing = /^ +not ok/.test(line) || (failing && !/^ +(ok \d|# Subtest|\.\.\.$)/.test(line));
    if (failing) lines.push(line);
  }
  return `${lines.join("\n")}\n`;
}

/** tap's own sum at the end of its TAP output: `# { total: 25, pass: 24, fail: 1 }`. */
function counts(output: string): { readonly passed: number; readonly failed: number } {
  const sum = [...output.matchAll(/^# \{ (total: .*) \}$/gm)].at(-1)?.[1] ?? "";
  const count = (name: string) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(sum)?.[1] ?? 0);
  return { passed: count("pass"), failed: count("fail") + count("skip") + count("todo") };
}

/** The files to run, and the worlds of clients that were told not to. @throws Error for a world that there is not */
function chosen(): { readonly files: readonly string[]; readonly without: readonly string[] } {
  if (positionals.length > 0) return { files: positionals, without: [] };
  const patterns = values.clients ? CLIENTS : ORDINARY;
  const all = globSync(patterns, { cwd: root })
    .filter((file) => isClients(file) === values.clients)
    .sort();
  const without = values.without.flatMap((worlds) => worlds.split(","));
  const unknown = without.find((name) => !values.clients || !all.some((file) => world(file) === name));
  if (unknown !== undefined) throw new Error(`--without ${unknown}: there is no such world of clients.`);
  const files = all.filter((file) => !without.includes(world(file)));
  if (files.length === 0) throw new Error(`No test matches ${patterns.join(", ")}.`);
  return { files, without };
}

/** tap puts its own code together from the plugins that .taprc names: once for each installation. */
async function buildTap(): Promise<void> {
  const stamp = join(root, "node_modules", ".gatehouse-tap");
  const digest = createHash("sha256");
  for (const file of [".taprc", "package-lock.json"]) digest.update(readFileSync(join(root, file)));
  const wanted = digest.digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  if ((await run(["build"], "ignore")) !== 0) throw new Error("tap could not be put together (tap build).");
  writeFileSync(stamp, wanted);
}

async function main(): Promise<number> {
  await buildTap();
  const { files, without } = chosen();
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-test-"));
  try {
    const output = join(folder, "output.tap");
    const seen = process.stdout.isTTY;
    const code = await run([`--output-file=${output}`, ...files], seen ? "inherit" : "ignore");
    if (!seen) process.stdout.write(summary(readFileSync(output, "utf8")));
    const { passed, failed } = counts(readFileSync(output, "utf8"));
    if (without.length > 0) process.stdout.write(`not run, as told: ${without.join(", ")}\n`);
    // A file that broke before its first assertion has none to count.
    const broken = code !== 0 && failed === 0 ? 1 : 0;
    process.stdout.write(`${passed} passed, ${failed + broken} failed\n`);
    return code === 0 && failed === 0 && passed > 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

process.exitCode = await main();
