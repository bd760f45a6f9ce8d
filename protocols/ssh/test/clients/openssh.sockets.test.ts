import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { connected, echoed, echoServer } from "../support/echo-server.ts";
import type { Front } from "../support/front.ts";
import { endOf, optionsOf } from "../support/openssh.ts";
import { realTarget } from "../support/real-target.ts";

/*
 * Forwards of OpenSSH's own client that have a path on one side (streamlocal), through the adapter, to a real sshd.
 * Needs openssh-client and openssh-server (test/clients/install.sh).
 */

const { scratch, front } = await realTarget(t);

/** A client that has nothing but a forward, until the test ends. */
function forwarding(t: Test, through: Front, args: readonly string[]): ReturnType<typeof endOf> {
  const child = spawn("ssh", [...optionsOf(through), "-N", ...args, "deploy@web@127.0.0.1"]);
  const ended = endOf(child);
  t.teardown(async () => {
    child.kill();
    await ended;
  });
  return ended;
}

t.test("-L leads from a path and from a port to a path, each by its own command", async (t) => {
  const there = join(scratch, "asked-for");
  const server = await echoServer(t, there);
  const through = await front(t, {
    allow: ({ kind, facts }) => kind === "forward" && facts["host"] === there,
  });
  const local = join(scratch, "local");
  const port = await freePort();
  void forwarding(t, through, ["-L", `${local}:${there}`, "-L", `127.0.0.1:${port}:${there}`]);
  t.equal(await echoed(local, "from a path"), "from a path");
  t.equal(await echoed(port, "from a port"), "from a port");
  t.equal(server.connections, 2);
  t.match(
    through.gate.commands.map(({ kind, facts }) => ({ kind, host: facts["host"], port: facts["port"] })),
    [
      { kind: "forward", host: there, port: 0 },
      { kind: "forward", host: there, port: 0 },
    ],
  );
});

t.test("-L to a path that no rule names is refused, and nobody comes there", async (t) => {
  const there = join(scratch, "kept");
  const other = join(scratch, "given");
  const [kept, given] = await Promise.all([echoServer(t, there), echoServer(t, other)]);
  const through = await front(t, { allow: ({ facts }) => facts["host"] === other });
  const local = join(scratch, "to-kept");
  const beside = join(scratch, "to-given");
  void forwarding(t, through, ["-L", `${local}:${there}`, "-L", `${beside}:${other}`]);
  const socket = await connected(local);
  await once(socket.resume(), "close");
  t.equal(await echoed(beside, "still"), "still", "the connection goes on");
  t.same([kept.connections, given.connections], [0, 1]);
  t.match(through.gate.events.filter(({ type }) => type === "decided").slice(0, 1), [
    { allowed: false, command: { kind: "forward", facts: { host: there } } },
  ]);
});

t.test("-R has the target listen at a path, and leads what comes there to the client", async (t) => {
  const there = join(scratch, "listening");
  const through = await front(t, {
    allow: ({ kind, facts }) => kind === "listen" && facts["host"] === there,
  });
  const server = await echoServer(t);
  void forwarding(t, through, ["-R", `${there}:127.0.0.1:${server.port}`]);
  t.equal(await echoed(there, "back"), "back");
  t.equal(server.connections, 1);
  t.match(through.gate.commands, [{ kind: "listen", facts: { host: there, port: 0 } }]);
});

t.test("-R at a path that no rule names fails at the client, and the target listens nowhere", async (t) => {
  const there = join(scratch, "not-listening");
  const through = await front(t, { allow: ({ kind }) => kind !== "listen" });
  const server = await echoServer(t);
  const options = ["-o", "ExitOnForwardFailure=yes"];
  const ended = await forwarding(t, through, [...options, "-R", `${there}:127.0.0.1:${server.port}`]);
  t.equal(ended.code, 255);
  t.notOk(existsSync(there));
  t.match(
    through.gate.events.filter(({ type }) => type === "decided"),
    [{ allowed: false, command: { kind: "listen", facts: { host: there } } }],
  );
});
