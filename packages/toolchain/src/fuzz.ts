/**
 * Fuzzes one protocol's adapter:
 *
 *   npm run fuzz -- postgres [OPTION...]
 *   npm run fuzz -- ssh [OPTION...]
 *   npm run fuzz -- http [OPTION...]
 *
 * What there is to choose stands at the top of `protocols/NAME/fuzz/main.ts`.
 */
import { globSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const root = resolve(import.meta.dirname, "..", "..", "..");
const mains = new Map(
  globSync("protocols/*/fuzz/main.ts", { cwd: root }).map((file) => [file.split(/[/\\]/)[1], file]),
);

const [protocol] = process.argv.splice(2, 1);
const main = mains.get(protocol);
if (main === undefined) {
  process.stderr.write(`usage: npm run fuzz -- ${[...mains.keys()].sort().join("|")} [OPTION...]\n`);
  process.exit(2);
}
await import(pathToFileURL(join(root, main)).href);
