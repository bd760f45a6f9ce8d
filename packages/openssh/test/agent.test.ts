import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { addIdentity, readCertificate, removeIdentity } from "../src/index.ts";
import { certificateBlob, privateKey, publicKey } from "./vectors.ts";

// What a real agent makes of it is in test/clients. Here is what no real one does.

const folder = mkdtempSync(join(tmpdir(), "gatehouse-agent-"));
t.teardown(() => rmSync(folder, { recursive: true }));
let count = 0;

/** An agent that does this with a client. @returns its socket's path */
async function agent(t: Test, serve: (socket: Socket) => void): Promise<string> {
  const path = join(folder, String(count++));
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on("error", () => undefined));
    serve(socket);
  });
  server.listen(path);
  await once(server, "listening");
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return path;
}

const identity = () => ({ key: privateKey("ed25519"), comment: "a test's", lifetime: 60 });
const failed = { code: "AGENT_FAILED" };

t.test("an answer may come in pieces", async (t) => {
  const path = await agent(t, (socket) => {
    socket.once("data", () => {
      socket.write(Buffer.of(0, 0));
      setImmediate(() => socket.write(Buffer.of(0, 1, 6)));
    });
  });
  await t.resolves(addIdentity(path, identity()));
});

t.test("anything but success is a failure", async (t) => {
  for (const answer of [
    [0, 0, 0, 1, 5],
    [0, 0, 0, 1, 7],
    [0, 0, 0, 2, 6, 0],
    [0xff, 0xff, 0xff, 0xff, 6],
    [0, 0, 0, 1],
    [],
  ]) {
    const path = await agent(t, (socket) => socket.once("data", () => socket.end(Buffer.from(answer))));
    await t.rejects(addIdentity(path, identity()), failed, answer.join(" "));
    await t.rejects(removeIdentity(path, publicKey("ed25519")), failed, answer.join(" "));
  }
});

t.test("an answer without end is not read to its end", async (t) => {
  const path = await agent(t, (socket) => {
    const flood = () => socket.writable && socket.write(Buffer.alloc(65_536), flood);
    flood();
  });
  await t.rejects(addIdentity(path, identity()), failed);
});

t.test("without an agent nothing is done", async (t) => {
  await t.rejects(addIdentity(join(folder, "none"), identity()), failed);
});

t.test("a key goes in with its own certificate, and for a time", async (t) => {
  const path = join(folder, "not asked");
  const certificate = readCertificate(certificateBlob("ecdsa256"));
  await t.rejects(addIdentity(path, { ...identity(), certificate }), { code: "CERTIFICATE_INVALID" });
  for (const lifetime of [0, -1, 1.5, Number.NaN, 2 ** 32]) {
    await t.rejects(
      addIdentity(path, { ...identity(), lifetime }),
      { ...failed, message: /seconds/ },
      String(lifetime),
    );
  }
});
