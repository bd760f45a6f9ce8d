import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import t, { type Test } from "tap";
import { configFolder, gatehouse, start } from "./gatehouse.ts";

interface LogLine {
  readonly level: number;
  readonly msg: string;
}

/** Starts `serve`, and resolves when it has logged `message`. */
async function serving(
  t: Test,
  config: string,
): Promise<{ child: ChildProcess; readonly logged: (message: string) => Promise<LogLine> }> {
  const child = start(["serve", "--config", config], { READER_PASSWORD: "hunter2" });
  t.teardown(() => child.kill("SIGKILL"));
  const lines: LogLine[] = [];
  const waiting = new Map<string, (line: LogLine) => void>();
  if (child.stdout === null) throw new Error("no output to read");
  createInterface(child.stdout).on("line", (text) => {
    const line = JSON.parse(text) as LogLine;
    lines.push(line);
    waiting.get(line.msg)?.(line);
  });
  const logged = async (message: string) =>
    lines.find(({ msg }) => msg === message) ??
    (await new Promise<LogLine>((resolve) => waiting.set(message, resolve)));
  await logged("control plane listening");
  return { child, logged };
}

const events = async (folder: string) =>
  (await readFile(join(folder, "state", "audit", "audit.jsonl"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly type: string });

t.test(
  "serve runs until SIGTERM, reloads on SIGHUP, and keeps the old config when the new one is broken",
  async (t) => {
    const { folder, config } = await configFolder(t);
    const { child, logged } = await serving(t, config);

    const good = await readFile(config, "utf8");
    await writeFile(config, `${good}log: { level: warn }\ntypo: 1\n`);
    child.kill("SIGHUP");
    t.match(await logged("not loaded"), { level: 50 });

    await writeFile(config, `${good}# changed\n`);
    child.kill("SIGHUP");
    await logged("config reloaded");

    child.kill("SIGTERM");
    t.same(await once(child, "exit"), [0, null]);
    t.same(
      (await events(folder)).map(({ type }) => type),
      ["gateway.started", "config.rejected", "config.reloaded", "gateway.stopped"],
    );
    t.equal((await gatehouse(["audit", "verify", join(folder, "state")])).code, 0);
  },
);

t.test("a second gateway on the same state folder is refused", async (t) => {
  const { config } = await configFolder(t);
  await serving(t, config);
  const { code, stderr } = await gatehouse(["serve", "--config", config], { READER_PASSWORD: "x" });
  t.equal(code, 1);
  t.match(stderr, /AUDIT_LOCKED/);
});

t.test("a broken config keeps it from starting, with every problem and exit code 1", async (t) => {
  const { folder } = await configFolder(t);
  const config = join(folder, "broken.yaml");
  await writeFile(config, "stat: file:state\n");
  const { code, stderr } = await gatehouse(["serve", "--config", config]);
  t.equal(code, 1);
  t.match(stderr, /broken\.yaml:1:1: "stat" is not a key/);
});
