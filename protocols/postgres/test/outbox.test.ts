import { once } from "node:events";
import { connect, createServer, Socket } from "node:net";
import t, { type Test } from "tap";
import { Outbox } from "../src/outbox.ts";

/** An outbox whose socket keeps what is written to it, write by write. */
function written() {
  const socket = new Socket();
  const writes: string[] = [];
  socket.write = (chunk: unknown) => {
    writes.push(String(chunk));
    return true;
  };
  return { outbox: new Outbox(socket), writes };
}

const turn = () => new Promise(setImmediate);
const bytes = (text: string) => Buffer.from(text);

t.test("what is put in goes out in order, in one write a turn", async (t) => {
  const { outbox, writes } = written();
  for (const text of ["a", "b", "c"]) outbox.put(bytes(text));
  t.strictSame(writes, []);
  await turn();
  t.strictSame(writes, ["abc"]);
  outbox.put(bytes("d"));
  await turn();
  t.strictSame(writes, ["abc", "d"]);
});

t.test("nothing overtakes a place that is kept", async (t) => {
  const { outbox, writes } = written();
  outbox.put(bytes("a"));
  const fill = outbox.keepPlace(1);
  outbox.put(bytes("c"));
  await turn();
  t.strictSame(writes, ["a"]);
  fill([bytes("b"), bytes("B")]);
  await turn();
  t.strictSame(writes, ["a", "bBc"]);
});

t.test("places that are filled in any order go out in the order in which they were kept", async (t) => {
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ];
  for (const order of orders) {
    const { outbox, writes } = written();
    const fills = ["0", "1", "2"].map((text) => {
      const fill = outbox.keepPlace(1);
      outbox.put(bytes("-"));
      return () => fill([bytes(text)]);
    });
    for (const index of order) {
      fills[index]?.();
      await turn();
    }
    t.equal(writes.join(""), "0-1-2-", order.join());
    t.ok(outbox.empty);
    t.equal(outbox.room(), undefined, "and what waited is out of the account");
  }
});

t.test("pieces that lie one behind the other are one write, and so are small ones that do not", async (t) => {
  const socket = new Socket();
  const writes: Buffer[] = [];
  socket.write = (chunk: unknown) => {
    if (Buffer.isBuffer(chunk)) writes.push(chunk);
    return true;
  };
  const outbox = new Outbox(socket);
  const chunk = Buffer.alloc(100_000, "x");
  outbox.put(chunk.subarray(0, 40_000));
  outbox.put(chunk.subarray(40_000));
  await turn();
  t.equal(writes.length, 1);
  t.equal(writes[0]?.buffer, chunk.buffer, "where they lay");
  t.equal(writes[0]?.length, 100_000);
  outbox.put(Buffer.alloc(20_000, "a"));
  outbox.put(Buffer.alloc(20_000, "b"));
  await turn();
  t.strictSame(
    writes.slice(1).map((piece) => piece.length),
    [20_000, 20_000],
    "large ones are not copied",
  );
});

t.test("a client is held up while much waits for a place, and goes on when it has gone out", async (t) => {
  const { outbox } = written();
  const fill = outbox.keepPlace(10);
  outbox.put(Buffer.alloc(1024 * 1024 - 10));
  t.equal(outbox.room(), undefined);
  outbox.put(bytes("x"));
  const room = outbox.room();
  t.ok(room);
  fill([bytes("0123456789")]);
  await room;
  t.equal(outbox.room(), undefined);
});

t.test("it tells when what waits now has gone out, and not what comes later", async (t) => {
  const { outbox, writes } = written();
  t.equal(outbox.gone(), undefined);
  const first = outbox.keepPlace(1);
  let gone = false;
  const waiting = outbox.gone()?.then(() => {
    gone = true;
  });
  const second = outbox.keepPlace(1);
  await turn();
  t.notOk(gone);
  first([bytes("a")]);
  await waiting;
  t.strictSame(writes, ["a"], "it has been written by then");
  t.notOk(outbox.empty);
  const rest = outbox.gone();
  second([]);
  await rest;
  t.equal(outbox.gone(), undefined);
});

/** An outbox to a peer that reads nothing until it is told to. */
async function toSlowPeer(t: Test) {
  const server = createServer();
  t.teardown(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address !== "object") throw new Error("no port");
  const socket = connect({ host: "127.0.0.1", port: address.port });
  const [peer] = (await once(server, "connection")) as [Socket];
  peer.pause();
  t.teardown(() => {
    socket.destroy();
    peer.destroy();
  });
  const outbox = new Outbox(socket);
  while (outbox.room() === undefined) {
    outbox.put(Buffer.alloc(1024 * 1024));
    await turn();
  }
  return { outbox, socket, peer };
}

t.test("a peer that does not read holds the client up, until it does", async (t) => {
  const { outbox, socket, peer } = await toSlowPeer(t);
  const room = outbox.room();
  peer.resume();
  await room;
  t.equal(outbox.room(), undefined);
  t.equal(socket.listenerCount("drain") + socket.listenerCount("close"), 0, "no listener is left");
});

t.test("a peer that is gone holds nobody up", async (t) => {
  const { outbox, socket } = await toSlowPeer(t);
  const room = outbox.room();
  socket.destroy();
  await room;
  t.equal(outbox.room(), undefined);
});
