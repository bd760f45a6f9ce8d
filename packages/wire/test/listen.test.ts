import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UnixAddress } from "@gatehouse/core";
import t, { type Test } from "tap";
import { listen } from "../src/index.ts";

/** A path that fits into a socket's address, which a test's own folder may be too deep for. */
async function unixAddress(t: Test): Promise<UnixAddress> {
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-"));
  t.teardown(() => rm(folder, { recursive: true }));
  return { socket: join(folder, ".s.PGSQL.15432") };
}

/** Greets whoever comes. */
const greeting = { connections: 10, serve: (socket: Socket) => void socket.end("welcome") };

async function heardAt({ socket: path }: UnixAddress): Promise<string> {
  const client = connect(path);
  let heard = "";
  for await (const chunk of client.setEncoding("utf8")) heard += String(chunk);
  return heard;
}

t.test("a Unix socket serves whom its folder lets in, and its file goes with the listener", async (t) => {
  const address = await unixAddress(t);
  const listener = await listen(address, greeting);
  t.same(listener.address, address);
  t.equal((await stat(address.socket)).mode & 0o666, 0o666);
  t.equal(await heardAt(address), "welcome");
  await listener.close();
  await t.rejects(stat(address.socket), { code: "ENOENT" });
});

t.test("a socket that a crash has left is replaced", async (t) => {
  const address = await unixAddress(t);
  const crash = `require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", crash, address.socket]);
  t.ok((await stat(address.socket)).isSocket(), "it is there, and nobody listens");
  const listener = await listen(address, greeting);
  t.equal(await heardAt(address), "welcome");
  await listener.close();
});

t.test("a socket on which somebody listens is theirs", async (t) => {
  const address = await unixAddress(t);
  const first = await listen(address, greeting);
  await t.rejects(listen(address, { connections: 1, serve: () => undefined }), {
    code: "ADDRESS_IN_USE",
    message: new RegExp(`unix:${address.socket}`),
  });
  t.equal(await heardAt(address), "welcome");
  await first.close();
});

t.test("a file that is no socket is left alone", async (t) => {
  const address = await unixAddress(t);
  await writeFile(address.socket, "precious");
  await t.rejects(listen(address, greeting), { code: "ADDRESS_IN_USE" });
  t.equal(await readFile(address.socket, "utf8"), "precious");
});

t.test("a folder that is not there is an error that says so", async (t) => {
  const socket = join((await unixAddress(t)).socket, "deeper");
  await t.rejects(listen({ socket }, greeting), { code: "ADDRESS_IN_USE", message: /Can't listen on unix:/ });
});

t.test("IPv6 is listened on by its address", async (t) => {
  const listener = await listen({ host: "::1", port: 0 }, greeting);
  const client = connect(listener.address.port, "::1");
  const [chunk] = (await once(client, "data")) as [Buffer];
  t.equal(chunk.toString(), "welcome");
  client.destroy();
  await listener.close();
});
