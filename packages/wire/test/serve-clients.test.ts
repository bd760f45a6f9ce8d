import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address } from "@gatehouse/core";
import t, { type Test } from "tap";
import { serveClients } from "../src/index.ts";

const here = { host: "127.0.0.1", port: 0 };

/** A listener whose clients say when they are in, and the connections that it serves. */
async function serving(t: Test, address: Address = here) {
  const served: { readonly socket: Socket; readonly loggedIn: () => void }[] = [];
  const failed: unknown[] = [];
  const listener = await serveClients(address, {
    ...{ connections: 10, perAddress: 2 },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: (fields) => failed.push(fields) },
    run: (socket, loggedIn) => {
      served.push({ socket, loggedIn });
      socket.write("welcome");
      return Promise.resolve();
    },
  });
  t.teardown(async () => {
    await listener.close();
    for (const { socket } of served) socket.destroy();
  });
  const join = async (from?: string): Promise<Socket> => {
    const to = "port" in listener.address ? listener.address : { path: listener.address.socket };
    const socket = connect({ ...to, ...(from === undefined ? {} : { localAddress: from }) });
    t.teardown(() => socket.destroy());
    await once(socket, "connect");
    return socket;
  };
  /** Whether one more is served. */
  const isServed = async (from?: string) => {
    const socket = await join(from);
    return Promise.race([once(socket, "data").then(() => true), once(socket, "close").then(() => false)]);
  };
  return { listener, served, failed, join, isServed };
}

t.test("of one address so many log in at once, and others are served meanwhile", async (t) => {
  const { served, failed, isServed } = await serving(t);
  t.ok(await isServed());
  t.ok(await isServed());
  t.notOk(await isServed(), "one more is closed at once");
  t.equal(served.length, 2, "and not served");
  t.ok(await isServed("127.0.0.2"), "another address has its own");
  served[0]?.loggedIn();
  t.ok(await isServed(), "who is in counts no more");
  t.notOk(await isServed());
  served[0]?.loggedIn();
  t.notOk(await isServed(), "and gives one place back, however often it is said");
  t.same(failed, []);
});

t.test("who leaves without having logged in gives the place back", async (t) => {
  const { served, join, isServed } = await serving(t);
  const clients = [await join(), await join()];
  t.notOk(await isServed());
  const gone = served[0] && once(served[0].socket, "close");
  for (const { socket } of served) socket.resume();
  clients[0]?.destroy();
  await gone;
  t.ok(await isServed());
});

t.test("a Unix socket has no addresses to share out", async (t) => {
  // A socket's path is short: a test's own folder is too deep.
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const { served, isServed } = await serving(t, { socket: join(folder, "socket") });
  for (let count = 0; count < 5; count++) t.ok(await isServed());
  t.equal(served.length, 5);
});

t.test("a listener that closes sends those away who log in, and keeps who is in", async (t) => {
  const { listener, served, join } = await serving(t);
  const [inside, outside] = [await join(), await join()];
  await once(outside, "data");
  served[0]?.loggedIn();
  const away = once(outside.resume(), "close");
  await listener.close();
  await away;
  t.notOk(served[0]?.socket.destroyed);
  t.notOk(inside.destroyed);
});
