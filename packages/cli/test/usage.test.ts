import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import t from "tap";
import { configFolder, gatehouse, start } from "./gatehouse.ts";

t.test("every command has help, and help is no failure", async (t) => {
  for (const args of [
    [],
    ["serve"],
    ["check"],
    ["policy"],
    ["policy", "explain"],
    ["policy", "test"],
    ["policy", "catalog"],
    ["audit"],
    ["audit", "verify"],
    ["approvals"],
    ["approvals", "list"],
    ["approvals", "show"],
    ["approve"],
    ["deny"],
    ["request"],
    ["grants"],
    ["grants", "list"],
    ["grants", "show"],
    ["grants", "revoke"],
  ]) {
    const { code, stdout } = await gatehouse([...args, "--help"]);
    t.equal(code, 0, args.join(" "));
    t.match(stdout, /Usage: gatehouse/);
  }
  t.match((await gatehouse(["--version"])).stdout, /^\d+\.\d+\.\d+\n$/);
});

t.test("a call that makes no sense exits 2 and says how", async (t) => {
  for (const args of [
    ["foo"],
    ["check", "--wat"],
    ["policy", "explain", "x"],
    ["policy", "test", "--strict"],
    ["policy", "catalog"],
    ["audit", "verify", "a", "b"],
  ]) {
    const { code, stderr } = await gatehouse(args);
    t.equal(code, 2, args.join(" "));
    t.match(stderr, /--help says how/);
  }
});

t.test("a reader that has seen enough ends the command without a stack trace", async (t) => {
  const child = start(["policy", "explain", "--help"]);
  child.stdout?.destroy();
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  await once(child, "close");
  t.notMatch(stderr, /EPIPE|at /);
});

t.test("the installed command runs on the pinned Node, whatever Node starts it", async (t) => {
  const { config } = await configFolder(t);
  const bin = join(import.meta.dirname, "..", "bin", "gatehouse.js");
  const child = spawn(process.execPath, [bin, "check", "--config", config], {
    stdio: "ignore",
    env: { ...process.env, READER_PASSWORD: "x" },
  });
  t.same(await once(child, "exit"), [0, null]);
});
