import { execFileSync, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { type Front, type FrontOptions, startFront } from "../support/front.ts";
import { endOf, optionsOf, run, ssh } from "../support/openssh.ts";
import { startSshd } from "../support/sshd.ts";

/*
 * OpenSSH's own client, through the adapter, to a real sshd. Needs openssh-client and openssh-server (test/clients/install.sh).
 */

const sshd = await startSshd();
const scratch = await mkdtemp(join(tmpdir(), "gatehouse-openssh-"));
t.teardown(async () => {
  await sshd.stop();
  await rm(scratch, { recursive: true });
});

const target = {
  port: sshd.port,
  hostKeys: [sshd.hostKey.split(" ").slice(0, 2).join(" ")],
  user: sshd.user,
  key: sshd.key,
};

async function front(t: Test, options: Omit<FrontOptions, "target"> = {}): Promise<Front> {
  const started = await startFront({ target, ...options });
  t.teardown(() => started.close());
  return started;
}

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

t.test("what is refused is said on standard error, ends with 126, and reaches no target", async (t) => {
  const file = join(scratch, "refused");
  const through = await front(t, { allow: ({ text }) => !text.includes("touch") });
  const ended = await ssh(through, [`touch ${file}`]);
  t.equal(ended.code, 126);
  t.match(ended.err, /^gatehouse: No\.\ngatehouse: Hint: Ask\.\ngatehouse: Reference: ref_\d+\n$/);
  t.notOk(existsSync(file));
});

t.test("what is held says that it waits, and runs when somebody has said yes", async (t) => {
  const file = join(scratch, "held");
  const through = await front(t, { hold: ({ kind }) => kind === "exec" });
  const child = spawn("ssh", [...optionsOf(through), "deploy@web@127.0.0.1", `cat > ${file}; echo done`], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const ended = endOf(child);
  child.stdin.end("sent ahead");
  await once(child.stderr, "data");
  t.notOk(existsSync(file), "nothing has run");
  through.gate.waiting[0]?.approve();
  const { code, out, err } = await ended;
  t.same([code, out.toString()], [0, "done\n"]);
  t.match(err, /^gatehouse: It waits\.\n/);
  t.equal(await readFile(file, "utf8"), "sent ahead");
  t.match(
    through.gate.events.filter(({ type }) => type === "outcome"),
    [{ outcome: "done" }],
  );
});

t.test("what is held and denied ends with 126", async (t) => {
  const through = await front(t, { hold: ({ kind }) => kind === "exec" });
  const ended = ssh(through, ["echo ran"]);
  await through.gate.until((events) => events.some(({ type }) => type === "held"));
  through.gate.waiting[0]?.deny();
  t.match(await ended, { code: 126, err: /No\./ });
});

t.test("a client that leaves while its command waits takes it along", async (t) => {
  const through = await front(t, { hold: ({ kind }) => kind === "exec" });
  const child = spawn("ssh", [...optionsOf(through), "deploy@web@127.0.0.1", "echo ran"], {
    stdio: "ignore",
  });
  await through.gate.until((events) => events.some(({ type }) => type === "held"));
  child.kill();
  await through.gate.until((events) => events.some(({ type }) => type === "gone"));
});

t.test("what is masked is hidden in both outputs, and as hidden in the recording", async (t) => {
  const rule = { policy: "p", rule: "secrets", source: "p:1" };
  const mask = {
    rule,
    columns: [],
    detect: ["angle"],
    with: { kind: "redact" },
    predicates: "refuse",
  } as const;
  const through = await front(t, { masks: () => [mask] });
  const ended = await ssh(through, ["printf 'a <se'; sleep 0.005; printf 'cret> b'; echo '<more>' >&2"]);
  t.equal(ended.out.toString(), "a *** b");
  t.equal(ended.err, "***\n");
  t.notMatch(through.recordings.all[0]?.output, /secret|more/);
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

t.test("-L leads to where a rule allows it, and is a command of its own", async (t) => {
  const through = await front(t, { allow: ({ kind }) => kind === "forward" });
  const server = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const local = await freePort();
  const child = spawn("ssh", [
    ...optionsOf(through),
    ...["-N", "-L", `127.0.0.1:${local}:127.0.0.1:${port}`, "deploy@web@127.0.0.1"],
  ]);
  t.equal(await echoed(local, "through"), "through");
  t.match(through.gate.commands, [{ kind: "forward", facts: { host: "127.0.0.1", port } }]);
  child.kill();
  await once(child, "close");
});

t.test("-L where no rule allows it is refused, and the client says why", async (t) => {
  const through = await front(t, { allow: ({ kind }) => kind !== "forward" });
  const ended = await ssh(through, ["-W", "127.0.0.1:1", "--"]);
  t.not(ended.code, 0);
  t.match(through.gate.commands, [{ kind: "forward" }]);
});

t.test("-R has the target listen, and leads what comes there to the client", async (t) => {
  const through = await front(t);
  const server = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const remote = await freePort();
  const child = spawn("ssh", [
    ...optionsOf(through),
    ...["-N", "-R", `127.0.0.1:${remote}:127.0.0.1:${port}`, "deploy@web@127.0.0.1"],
  ]);
  t.equal(await echoed(remote, "back"), "back");
  t.match(through.gate.commands, [{ kind: "listen", facts: { port: remote } }]);
  child.kill();
  await once(child, "close");
});

t.test("-R where no rule allows it fails at the client", async (t) => {
  const through = await front(t, { allow: ({ kind }) => kind !== "listen" });
  const remote = await freePort();
  const ended = await ssh(through, [
    ...["-o", "ExitOnForwardFailure=yes", "-N", "-R", `127.0.0.1:${remote}:127.0.0.1:1`, "--"],
  ]);
  t.equal(ended.code, 255);
});

t.test("-D is a forward for each place that is asked for", async (t) => {
  const through = await front(t);
  const server = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const local = await freePort();
  const child = spawn("ssh", [
    ...optionsOf(through),
    "-N",
    "-D",
    `127.0.0.1:${local}`,
    "deploy@web@127.0.0.1",
  ]);
  const socket = await connected(local);
  // SOCKS 5 (RFC 1928): no authentication, then CONNECT to an IPv4 address.
  socket.write(Buffer.of(5, 1, 0));
  await once(socket, "data");
  socket.write(Buffer.of(5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255));
  await once(socket, "data");
  socket.write("by socks");
  const [answer] = (await once(socket, "data")) as [Buffer];
  t.equal(answer.toString(), "by socks");
  t.match(through.gate.commands, [{ kind: "forward", facts: { host: "127.0.0.1", port } }]);
  socket.destroy();
  child.kill();
  await once(child, "close");
});

t.test("-A lends the agent where a rule allows it", async (t) => {
  const agent = join(scratch, "agent");
  const keeper = spawn("ssh-agent", ["-D", "-a", agent], { stdio: "ignore" });
  t.teardown(() => keeper.kill());
  while (!existsSync(agent)) await new Promise((resolve) => setTimeout(resolve, 20));
  const env = { ...process.env, SSH_AUTH_SOCK: agent };
  execFileSync("ssh-add", ["-q", sshd.keyFile], { env });
  const lent = await ssh(await front(t), ["-A", "--", "ssh-add -l"], { env });
  t.match(lent.out.toString(), /ED25519/);
  const kept = await ssh(
    await front(t, { allow: ({ kind }) => kind !== "agent" }),
    ["-A", "--", "ssh-add -l"],
    { env },
  );
  t.notMatch(kept.out.toString(), /ED25519/);
});

t.test("variables are given to the program where a rule allows them", async (t) => {
  const through = await front(t, {
    allow: ({ kind, facts }) => kind !== "env" || facts["variable"] === "GIVEN",
  });
  const env = { ...process.env, GIVEN: "yes", KEPT: "no" };
  const ended = await ssh(through, ["-o", "SendEnv=GIVEN KEPT", "--", "echo $GIVEN-$KEPT"], { env });
  t.equal(ended.out.toString(), "yes-\n");
});

t.test("a shell with a terminal: prompt, job control, and its recording", async (t) => {
  const through = await front(t);
  const ended = await ssh(through, ["-tt", "--"], {
    input: "stty size; sleep 100 & jobs; kill %1; exit 7\n",
  });
  t.equal(ended.code, 7);
  t.match(ended.out.toString(), /Running\s+sleep 100/);
  t.match(through.gate.commands.at(-1), { kind: "shell", facts: { pty: true } });
  const [recording] = through.recordings.all;
  t.equal(recording?.output, ended.out.toString());
  t.match(recording, { kind: "shell", exit: { status: 7 } });
});

t.test("a shell is refused where no rule allows it", async (t) => {
  const through = await front(t, { allow: ({ kind }) => kind !== "shell" });
  const ended = await ssh(through, ["-tt", "--"], { input: "echo in\n" });
  t.equal(ended.code, 126);
  t.match(ended.out.toString() + ended.err, /No\./);
  t.notMatch(ended.out.toString(), /in\r\n/);
});

t.test("who has no key that is known is asked for another proof, and is not let in", async (t) => {
  const through = await front(t);
  const stranger = { ...through, keyFile: sshd.keyFile };
  const ended = await ssh(stranger, ["echo in"]);
  t.equal(ended.code, 255);
  t.match(ended.err, /Permission denied \(publickey,password,keyboard-interactive\)/);
});

t.test("a token is a password", async (t) => {
  const through = await front(t);
  const askpass = join(scratch, "askpass");
  await writeFile(askpass, "#!/bin/sh\necho 'open sesame'\n", { mode: 0o755 });
  const env = { ...process.env, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force" };
  const ended = await ssh(
    through,
    ["-o", "PreferredAuthentications=password", "-o", "BatchMode=no", "--", "echo in"],
    { env },
  );
  t.equal(ended.out.toString(), "in\n", ended.err);
});

t.test("a target whose host key is another one is not used", async (t) => {
  const through = await startFront({
    target: {
      ...target,
      hostKeys: [(await readFile(`${sshd.keyFile}.pub`, "utf8")).split(" ").slice(0, 2).join(" ")],
    },
  });
  t.teardown(() => through.close());
  const ended = await ssh(through, ["echo in"]);
  t.equal(ended.code, 255);
  t.match(ended.err, /The target "web" can't be reached now\./);
  t.match(
    through.gate.events.find(({ type }) => type === "refused"),
    { refused: { reason: /TARGET_UNVERIFIED/ } },
  );
});

t.test("when the gateway ends a session, its client is told why", async (t) => {
  const through = await front(t);
  const child = spawn("ssh", [...optionsOf(through), "deploy@web@127.0.0.1", "echo begun; sleep 100"]);
  const ended = endOf(child);
  await once(child.stdout, "data");
  through.gate.endAll();
  const { code, err } = await ended;
  t.equal(code, 255);
  t.match(err, /The gateway is shutting down\./);
});

t.test("a target that goes away ends the session", async (t) => {
  const other = await startSshd();
  const through = await startFront({
    target: {
      port: other.port,
      hostKeys: [other.hostKey.split(" ").slice(0, 2).join(" ")],
      user: other.user,
      key: other.key,
    },
  });
  t.teardown(() => through.close());
  const ended = ssh(through, ["kill -9 $PPID; sleep 100"]);
  t.equal((await ended).code, 255);
  await through.gate.until((events) => events.some(({ type }) => type === "closed"));
  await other.stop();
});

/** What an echoing server behind a local port gives back; the port may not be there yet. */
async function echoed(port: number, text: string): Promise<string> {
  const socket = await connected(port);
  socket.write(text);
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return answer.toString();
}

async function connected(port: number): Promise<ReturnType<typeof connect>> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return socket;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
