import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { freePort } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { echoed, echoServer } from "../support/echo-server.ts";
import { endOf, optionsOf, run, ssh } from "../support/openssh.ts";
import { realTarget } from "../support/real-target.ts";

/*
 * What forwards of OpenSSH's own client carry, where they lead and when they end, through the adapter, to a real sshd.
 * Needs openssh-client and openssh-server (test/clients/install.sh).
 */

const { scratch, front } = await realTarget(t);
const AT = "deploy@web@127.0.0.1";
const bytes = randomBytes(8_000_000);

/** A server that reads to the end, and answers with all of it and its SHA-256 then. @returns its port */
async function reader(t: Test): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", () => socket.destroy());
    socket.on("end", () => {
      const all = Buffer.concat(chunks);
      socket.end(Buffer.concat([all, createHash("sha256").update(all).digest()]));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("no port");
  return address.port;
}

const answer = Buffer.concat([bytes, createHash("sha256").update(bytes).digest()]);

t.test(
  "a forward carries all of it both ways, and the end of one side goes before the other's",
  async (t) => {
    const port = await reader(t);
    const through = await front(t);
    const ended = await ssh(through, ["-W", `127.0.0.1:${port}`, "--"], { input: bytes });
    t.equal(ended.code, 0, ended.err);
    t.ok(ended.out.equals(answer));
  },
);

t.test(
  "a forward to a place that has a door of the gateway's leads there, and not to the target",
  async (t) => {
    const port = await reader(t);
    const place = await echoServer(t);
    const through = await front(t, {
      doorTo: (host, asked) =>
        host === "127.0.0.1" && asked === place.port ? { host: "127.0.0.1", port } : undefined,
    });
    const ended = await ssh(through, ["-W", `127.0.0.1:${place.port}`, "--"], { input: bytes });
    t.equal(ended.code, 0, ended.err);
    t.ok(ended.out.equals(answer));
    t.equal(place.connections, 0, "who listens there at the target has heard nothing");
  },
);

t.test("a door needs a rule as any other forward", async (t) => {
  const door = await echoServer(t);
  const through = await front(t, {
    allow: ({ kind }) => kind !== "forward",
    doorTo: () => ({ host: "127.0.0.1", port: door.port }),
  });
  const ended = await ssh(through, ["-W", "127.0.0.1:1", "--"], { input: "in" });
  t.match(ended, { code: 255, out: Buffer.alloc(0) });
  t.equal(door.connections, 0);
});

t.test("a forward that is held leads nowhere before somebody has said yes", async (t) => {
  const server = await echoServer(t);
  const through = await front(t, { hold: ({ kind }) => kind === "forward" });
  const ended = ssh(through, ["-W", `127.0.0.1:${server.port}`, "--"], { input: "sent ahead" });
  await through.gate.until((events) => events.some(({ type }) => type === "held"));
  t.equal(server.connections, 0);
  through.gate.waiting[0]?.approve();
  t.match(await ended, { code: 0, out: Buffer.from("sent ahead") });
});

t.test("-R 0 has the target choose where it listens", async (t) => {
  const server = await echoServer(t);
  const through = await front(t);
  const child = spawn("ssh", [
    ...["-o", "LogLevel=INFO", ...optionsOf(through)],
    ...["-N", "-R", `127.0.0.1:0:127.0.0.1:${server.port}`, AT],
  ]);
  const ended = endOf(child);
  let told = "";
  let port: string | undefined;
  while (port === undefined) {
    const [chunk] = (await once(child.stderr, "data")) as [Buffer];
    told += chunk.toString();
    port = /Allocated port (\d+)/.exec(told)?.[1];
  }
  t.equal(await echoed(Number(port), "back"), "back");
  t.match(through.gate.commands, [{ kind: "listen", facts: { host: "127.0.0.1", port: 0 } }]);
  child.kill();
  await ended;
});

t.test("-R is taken back without the session, and the target listens no more", async (t) => {
  const server = await echoServer(t);
  const through = await front(t);
  const control = join(scratch, "control");
  const shared = [...optionsOf(through), "-o", `ControlPath=${control}`];
  const master = spawn("ssh", [...shared, "-M", "-N", AT], { stdio: "ignore" });
  const over = once(master, "exit");
  while (!existsSync(control)) await new Promise((resolve) => setTimeout(resolve, 20));
  const port = await freePort();
  const route = ["-R", `127.0.0.1:${port}:127.0.0.1:${server.port}`, AT];
  t.equal((await run("ssh", [...shared, "-O", "forward", ...route])).code, 0);
  t.equal(await echoed(port, "back"), "back");
  t.equal((await run("ssh", [...shared, "-O", "cancel", ...route])).code, 0);
  await nobodyListens(port);
  t.equal((await run("ssh", [...shared, AT, "echo on"])).out.toString(), "on\n");
  master.kill();
  await over;
});

/** Resolves when nobody listens there. The test's own deadline is the bound. */
async function nobodyListens(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
    } catch {
      return;
    }
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
