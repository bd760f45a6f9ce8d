import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Duplex, PassThrough } from "node:stream";
import type { Listener } from "@gatehouse/core";
import t from "tap";
import { dial, hangUp, listen, Pull, relay } from "../src/index.ts";

const here = { host: "127.0.0.1", port: 0 };

/** Two ends of one TCP connection, and the listener between them. */
async function pair(t: { teardown(end: () => unknown): void }): Promise<[Socket, Socket, Listener]> {
  let accept: (socket: Socket) => void = () => undefined;
  const accepted = new Promise<Socket>((resolve) => {
    accept = resolve;
  });
  const listener = await listen(here, { connections: 10, serve: (socket) => accept(socket) });
  const client = connect({ ...listener.address, allowHalfOpen: true });
  client.on("error", () => client.destroy());
  const server = await accepted;
  t.teardown(async () => {
    client.destroy();
    server.destroy();
    await listener.close();
  });
  return [client, server, listener];
}

t.test("a reader gets what came, and the end", async (t) => {
  const [client, server] = await pair(t);
  const pull = new Pull(server);
  const first = pull.next();
  client.write("hello");
  t.equal(String(await first), "hello");
  client.end();
  t.equal(await pull.next(), undefined);
  t.equal(await pull.next(), undefined, "and goes on saying so");
});

t.test("a reader that comes after the end learns of it", async (t) => {
  const [client, server] = await pair(t);
  const closed = new Promise<void>((resolve) => server.once("close", () => resolve()));
  client.resetAndDestroy();
  server.resume();
  await closed;
  t.equal(await new Pull(server).next(), undefined);
});

t.test("what one reader has not read is the next one's", async (t) => {
  const [client, server] = await pair(t);
  const pull = new Pull(server);
  client.write("one");
  await pull.next();
  pull.release();
  client.write("two");
  t.equal(String(await new Pull(server).next()), "two");
});

t.test("the last words arrive even where the peer goes on sending", async (t) => {
  const [client, server] = await pair(t);
  client.write(Buffer.alloc(100_000));
  const gone = hangUp(server, 10_000, Buffer.from("goodbye"));
  const heard: Buffer[] = [];
  client.on("data", (chunk: Buffer) => heard.push(chunk));
  await once(client, "end");
  t.equal(Buffer.concat(heard).toString(), "goodbye");
  client.end();
  await gone;
  t.ok(server.destroyed);
});

t.test("a peer that does not close its side is cut off", async (t) => {
  const [client, server] = await pair(t);
  client.resume();
  await hangUp(server, 50);
  t.ok(server.destroyed);
  await hangUp(server, 50);
});

t.test("a relay passes on what its transform makes of it, and ends with its sender", async (t) => {
  const from = new PassThrough();
  const to = new PassThrough();
  const done = relay(from, to, (chunk) => [Buffer.from(String(chunk).toUpperCase()), Buffer.from("!")]);
  from.end("hello");
  await done;
  t.equal(String(to.read()), "HELLO!");
});

t.test("a relay whose transform throws ends with what was thrown", async (t) => {
  const from = new PassThrough();
  const broken = relay(from, new PassThrough(), () => {
    throw new Error("no message");
  });
  from.write("x");
  await t.rejects(broken, { message: "no message" });
});

/** A receiver that takes nothing until it is told to. */
function slow(): { readonly to: Duplex; readonly take: () => void } {
  let taken: () => void = () => undefined;
  const to = new Duplex({
    highWaterMark: 4,
    read: () => undefined,
    write: (_chunk, _encoding, done) => {
      taken = done;
    },
  });
  return { to, take: () => taken() };
}

t.test("a relay pauses its sender while the receiver is full", async (t) => {
  const from = new PassThrough();
  const { to, take } = slow();
  const done = relay(from, to, (chunk) => [chunk]);
  const paused = once(from, "pause");
  from.write("12345678");
  await paused;
  t.ok(from.isPaused());
  const resumed = once(from, "resume");
  take();
  await resumed;
  from.end();
  await done;
});

t.test("a relay whose receiver is gone lets its sender run out", async (t) => {
  const from = new PassThrough();
  const { to } = slow();
  const done = relay(from, to, (chunk) => [chunk]);
  const paused = once(from, "pause");
  from.write("12345678");
  await paused;
  to.on("error", () => undefined).destroy();
  from.end("more");
  await done;
  t.pass("it ended");
});

t.test("a relay ends at its signal, and at once where there is nothing to relay", async (t) => {
  const stop = new AbortController();
  const from = new PassThrough();
  const done = relay(from, new PassThrough(), (chunk) => [chunk], stop.signal);
  stop.abort();
  await done;
  t.equal(from.listenerCount("data"), 0);
  from.destroy();
  await relay(from, new PassThrough(), (chunk) => [chunk]);
  await relay(new PassThrough(), new PassThrough(), (chunk) => [chunk], stop.signal);
});

t.test("a listener takes no more connections than it was told", async (t) => {
  const served: Socket[] = [];
  const listener = await listen(here, { connections: 1, serve: (socket) => served.push(socket) });
  const first = connect(listener.address);
  await once(first, "connect");
  const second = connect(listener.address);
  await once(second.resume(), "close");
  t.equal(served.length, 1);
  first.destroy();
  for (const socket of served) socket.destroy();
  await listener.close();
});

t.test("an address that is taken is told so", async (t) => {
  const listener = await listen(here, { connections: 1, serve: () => undefined });
  await t.rejects(listen(listener.address, { connections: 1, serve: () => undefined }), {
    code: "ADDRESS_IN_USE",
  });
  await listener.close();
  await t.rejects(dial(listener.address, AbortSignal.timeout(5000)), { code: "TARGET_UNREACHABLE" });
});

t.test("a connection that is given up in time is told so", async (t) => {
  await t.rejects(dial({ host: "127.0.0.1", port: 1 }, AbortSignal.abort()), { code: "TARGET_UNREACHABLE" });
});
