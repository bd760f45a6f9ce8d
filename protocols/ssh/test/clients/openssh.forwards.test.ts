import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "@gatehouse/testkit";
import t from "tap";
import { connected, echoed, echoServer } from "../support/echo-server.ts";
import { optionsOf, ssh } from "../support/openssh.ts";
import { realTarget } from "../support/real-target.ts";

/*
 * Forwards and the agent of OpenSSH's own client, through the adapter, to a real sshd.
 * Needs openssh-client and openssh-server (test/clients/install.sh).
 */

const { sshd, scratch, front } = await realTarget(t);

t.test("-L leads to where a rule allows it, and is a command of its own", async (t) => {
  const through = await front(t, { allow: ({ kind }) => kind === "forward" });
  const { port } = await echoServer(t);
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
  const { port } = await echoServer(t);
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
  const { port } = await echoServer(t);
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
