import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";

const program = join(import.meta.dirname, "..", "src", "main.ts");

interface Run {
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly output: { stdout: string; stderr: string };
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** The demo as a process of its own, with a folder for its temporary files that is this test's alone. */
async function demo(t: Test, args: readonly string[]): Promise<Run & { folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-demo-test-"));
  // Run by root, the database is another user's, who must be able to pass through.
  await chmod(folder, 0o755);
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, TMPDIR: folder, NO_COLOR: "1", FORCE_COLOR: undefined },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.teardown(() => child.kill("SIGTERM"));
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...output }));
  return { child, output, ended, folder };
}

t.test("--exec runs the command with the variables: output and code are the command's alone", async (t) => {
  const { ended, folder } = await demo(t, ["--exec", "env -0; echo oops >&2; exit 3"]);
  const { code, stdout, stderr } = await ended;
  t.equal(code, 3);
  t.equal(stderr, "oops\n");
  const lines = stdout.split("\0");
  t.equal(lines.pop(), "", "nothing stands behind the command's output");
  const variables = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  t.match(variables, {
    PGHOST: "localhost",
    PGPORT: /^\d+$/,
    PGDATABASE: "orders",
    PGUSER: "reader",
    PGPASSWORD: /^[\w-]+\.[\w-]+\.[\w-]+$/,
    PGSSLMODE: "verify-full",
    PGSSLROOTCERT: /ca\.crt$/,
    GATEHOUSE_URL: /^https:\/\/localhost:\d+$/,
    GATEHOUSE_CA: /ca\.crt$/,
    GATEHOUSE_HTTP_URL: /^https:\/\/localhost:\d+$/,
    GATEHOUSE_STATE: /state$/,
    ORDERS_ADMIN_URL: /^postgresql:\/\/postgres:/,
  });
  const { GATEHOUSE_TOKEN, AGENT_TOKEN, WRITER_TOKEN, PGPASSWORD, PGPORT } = variables;
  t.equal(new Set([GATEHOUSE_TOKEN, AGENT_TOKEN, WRITER_TOKEN]).size, 3);
  t.equal(PGPASSWORD, AGENT_TOKEN);
  t.not(PGPORT, "15432", "the ports are free ones");
  t.same(await readdir(folder), [], "and nothing is left behind");
});

t.test("--check plays the story, shows each step, and exits 0", async (t) => {
  const { ended, folder } = await demo(t, ["--check"]);
  const { code, stdout, stderr } = await ended;
  t.equal(code, 0);
  t.equal(stderr, "");
  t.notMatch(stdout, "✘");
  for (const step of [
    /✔ an allowed read returns rows/,
    /✔ a DROP is refused with the rule's message, and the session goes on/,
    /✔ a mask holds behind a view/,
    /✔ http: a call that reads is answered/,
    /✔ http: a refund waits for a person/,
    /✔ a log-in with a forged token is refused/,
    /✔ the audit log verifies/,
    /✔ the same log with one byte changed does not/,
    /Each step holds\./,
  ]) {
    t.match(stdout, step);
  }
  t.same(await readdir(folder), []);
});

t.test(
  "Ctrl-C stops the demo in the foreground, and with it the database's process and all folders",
  async (t) => {
    const { child, output, ended, folder } = await demo(t, ["--ports", "auto"]);
    while (!output.stdout.includes("stops it all")) {
      if (child.stdout === null || child.exitCode !== null) throw new Error(output.stderr);
      await once(child.stdout, "data");
    }
    const folders = await readdir(folder);
    t.match(folders.sort(), [/^gatehouse-demo-/, /^gatehouse-postgres-/]);
    const [own = "", database = ""] = folders;
    t.match(output.stdout, join(folder, own));
    const variables = await readFile(join(folder, own, "env"), "utf8");
    t.match(variables, /^export PGPASSWORD=ey/m);
    const pid = Number(
      (await readFile(join(folder, database, "data", "postmaster.pid"), "utf8")).split("\n", 1)[0],
    );
    t.ok(process.kill(pid, 0), "the database runs");
    child.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    t.equal(code, 0);
    t.equal(stderr, "");
    t.match(stdout, /Stopped; nothing is left behind\./);
    t.same(await readdir(folder), []);
    t.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  },
);

for (const args of [["--ports", "auto"], ["--check"]]) {
  t.test(`a signal while ${args.join(" ")} still sets up leaves nothing behind`, async (t) => {
    const { child, output, ended, folder } = await demo(t, args);
    while (!output.stdout.includes("certificates")) await once(child.stdout ?? child, "data");
    child.kill("SIGTERM");
    t.match(await ended, { code: 143 });
    t.same(await readdir(folder), []);
  });
}

t.test("a reader that goes away ends --check, and leaves nothing behind", async (t) => {
  const { child, ended, folder } = await demo(t, ["--check"]);
  await once(child.stdout ?? child, "data");
  child.stdout?.destroy();
  t.match(await ended, { code: 129 });
  t.same(await readdir(folder), []);
});

t.test("--help says how it is used", async (t) => {
  const { ended } = await demo(t, ["--help"]);
  t.match(await ended, { code: 0, stdout: /--check[\s\S]*--exec/, stderr: "" });
});

t.test("wrong arguments are a matter of usage", async (t) => {
  for (const args of [["--chek"], ["--ports", "1234"], ["--check", "--exec", "true"]]) {
    const { ended } = await demo(t, args);
    t.match(await ended, { code: 2, stdout: "", stderr: /^✘ / }, args.join(" "));
  }
});

t.test("a port that is taken is named, with the way to free ones, and nothing is left behind", async (t) => {
  // Whoever has it already serves as well.
  const other = createServer().listen(15_432, "127.0.0.1");
  t.teardown(() => other.close());
  await new Promise((resolve) => {
    other.once("listening", resolve);
    other.once("error", resolve);
  });
  const { ended, folder } = await demo(t, []);
  t.match(await ended, { code: 1, stderr: /15432[\s\S]*--ports auto/ });
  t.same(await readdir(folder), []);
});
