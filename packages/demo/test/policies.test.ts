import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import t from "tap";
import { startDemo } from "../src/environment.ts";

const command = join(import.meta.dirname, "..", "..", "cli", "src", "main.ts");
const demo = await startDemo("auto", () => undefined);
t.teardown(() => demo.stop());

/** Runs the command as whoever keeps the demo's policies would. */
async function policy(...args: readonly string[]) {
  const config = demo.variables["GATEHOUSE_CONFIG"] ?? "";
  const child = spawn(process.execPath, [command, "policy", ...args, "--config", config], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [stdout] = await Promise.all([text(child.stdout), once(child, "close")]);
  return { stdout, code: child.exitCode };
}

t.test("the catalog beside the policies is that of the database which the seed makes", async (t) => {
  const { stdout, code } = await policy("catalog", "orders");
  t.equal(code, 0);
  const file = new URL("../policies/orders.catalog.json", import.meta.url);
  const kept = new Set((await readFile(file, "utf8")).split("\n"));
  const made = new Set(stdout.split("\n"));
  const help = "write it again: gatehouse policy catalog orders > packages/demo/policies/orders.catalog.json";
  t.same(
    [...made].filter((line) => !kept.has(line)),
    [],
    help,
  );
  t.same(
    [...kept].filter((line) => !made.has(line)),
    [],
    help,
  );
});

t.test("the cases beside the policies hold, and each rule decides one of them", async (t) => {
  const { stdout, code } = await policy("test", "--every-rule");
  t.equal(code, 0, stdout);
});
