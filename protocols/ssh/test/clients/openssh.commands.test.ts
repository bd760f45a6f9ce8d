import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { optionsOf, run, ssh } from "../support/openssh.ts";
import { realTarget } from "../support/real-target.ts";

/*
 * Command lines by OpenSSH's own client, through the adapter, to a real sshd.
 * Needs openssh-client and openssh-server (test/clients/install.sh).
 */

const { sshd, scratch, front } = await realTarget(t);

t.test("a command's output, its standard error and its exit status come as they are", async (t) => {
  const through = await front(t);
  const ended = await ssh(through, ["echo out; echo err >&2; exit 42"]);
  t.equal(ended.code, 42);
  t.equal(ended.out.toString(), "out\n");
  t.equal(ended.err, "err\n");
  t.match(through.gate.commands, [{ kind: "exec", text: "echo out; echo err >&2; exit 42" }]);
});

t.test("a command that a signal ended ends so at the client", async (t) => {
  const through = await front(t);
  const straight = await run("ssh", [
    ...[
      "-F",
      "none",
      "-i",
      sshd.keyFile,
      "-p",
      String(sshd.port),
      "-o",
      "BatchMode=yes",
      "-o",
      "LogLevel=ERROR",
    ],
    ...[
      "-o",
      "StrictHostKeyChecking=no",
      "-o",
      "UserKnownHostsFile=/dev/null",
      `${sshd.user}@127.0.0.1`,
      "kill -TERM $$",
    ],
  ]);
  const ended = await ssh(through, ["kill -TERM $$"]);
  t.same([ended.code, ended.out.toString()], [straight.code, straight.out.toString()]);
});

t.test("standard input goes in whole, and its end with it", async (t) => {
  const through = await front(t);
  const bytes = randomBytes(3_000_000);
  const ended = await ssh(through, ["sha256sum; echo after the end"], { input: bytes });
  const digest = createHash("sha256").update(bytes).digest("hex");
  t.equal(ended.out.toString(), `${digest}  -\nafter the end\n`);
});

t.test("a command that closes its output goes on reading", async (t) => {
  const through = await front(t);
  const file = join(scratch, "half-closed");
  const ended = await ssh(through, [`exec >&- 2>&-; sleep 0.2; cat > ${file}`], { input: "still read" });
  t.equal(ended.code, 0);
  t.equal(await readFile(file, "utf8"), "still read");
});

t.test("a client that stops reading in the middle takes nothing along but its own", async (t) => {
  const through = await front(t);
  const child = spawn("ssh", [...optionsOf(through), "deploy@web@127.0.0.1", "yes"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(child.stdout, "data");
  const other = await ssh(through, ["echo meanwhile"]);
  t.equal(other.out.toString(), "meanwhile\n");
  child.kill();
  await once(child, "close");
  await through.gate.until((events) => events.filter(({ type }) => type === "closed").length === 2);
});

t.test("ten sessions of one connection are ten channels, each with its own end", async (t) => {
  const through = await front(t);
  const control = join(scratch, "control");
  const shared = ["-o", `ControlPath=${control}`];
  const master = spawn("ssh", [...optionsOf(through), ...shared, "-M", "-N", "deploy@web@127.0.0.1"], {
    stdio: "ignore",
  });
  await through.gate.until((events) => events.some(({ type }) => type === "login"));
  while (!existsSync(control)) await new Promise((resolve) => setTimeout(resolve, 20));
  const sessions = Array.from({ length: 10 }, (_, number) =>
    ssh(through, [...shared, "--", `echo ${number}; exit ${number}`]),
  );
  for (const [number, ended] of (await Promise.all(sessions)).entries()) {
    t.same([ended.code, ended.out.toString(), ended.err], [number, `${number}\n`, ""]);
  }
  t.equal(through.gate.events.filter(({ type }) => type === "login").length, 1, "they came by one log-in");
  master.kill();
  await once(master, "close");
});

t.test("keys are changed in the middle of a transfer, both ways", async (t) => {
  const through = await front(t);
  const bytes = randomBytes(12_000_000);
  const ended = await ssh(through, ["-o", "RekeyLimit=1M", "--", "cat"], { input: bytes });
  t.equal(ended.code, 0);
  t.ok(ended.out.equals(bytes));
});

t.test("variables are given to the program where a rule allows them", async (t) => {
  const through = await front(t, {
    allow: ({ kind, facts }) => kind !== "env" || facts["variable"] === "GIVEN",
  });
  const env = { ...process.env, GIVEN: "yes", KEPT: "no" };
  const ended = await ssh(through, ["-o", "SendEnv=GIVEN KEPT", "--", "echo $GIVEN-$KEPT"], { env });
  t.equal(ended.out.toString(), "yes-\n");
});
