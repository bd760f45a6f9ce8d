import { once } from "node:events";
import { randomBytes } from "node:crypto";
import t from "tap";
import { auditLines, connected, demoFor, eventually, untilClosed, variantGateway } from "./environment.ts";
import { message, rawConnection, RawSession, SSL_REQUEST } from "./raw.ts";

const demo = await demoFor(t);

/** Sockets that this process has open, on either side. */
const openSockets = () =>
  process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap" || name === "TLSWrap").length;

t.test(
  "300 connections of garbage end by themselves; whoever comes properly is served meanwhile",
  async (t) => {
    const { gateway, port, state } = await variantGateway(t, demo, "garbage", {
      limits: "{ perAddress: 1000, startup: 2s }",
    });
    const good = await connected(t, demo, { port });
    const before = openSockets();
    const sockets = await Promise.all(
      Array.from({ length: 300 }, async (_, n) => {
        const socket = await rawConnection(port);
        // A third sends what is no start-up, a third less than one, a third nothing.
        if (n % 3 === 0) socket.write(randomBytes(1 + (n % 64)));
        if (n % 3 === 1) socket.write(SSL_REQUEST.subarray(0, n % 8));
        return socket;
      }),
    );
    t.same((await good.query("select count(*)::int as n from orders")).rows, [{ n: 50_000 }]);
    t.same((await (await connected(t, demo, { port })).query("select 1 as n")).rows, [{ n: 1 }]);
    await Promise.all(sockets.map(untilClosed));
    t.same((await good.query("select 2 as n")).rows, [{ n: 2 }]);
    t.equal(gateway.openSessions, 2, "none of them was a session");
    await eventually(() => openSockets() <= before + 4);
    const types = (await auditLines(state)).map(({ type }) => type);
    t.same(
      types.filter((type) => type !== "command"),
      ["gateway.started", "session.opened", "session.opened"],
      "what is no log-in fills no log",
    );
  },
);

t.test("half-open connections take their limit and no more, and give it back at the deadline", async (t) => {
  const { gateway, port } = await variantGateway(t, demo, "half-open", {
    limits: "{ connections: 300, perAddress: 300, startup: 3s }",
  });
  const good = await connected(t, demo, { port });
  const halfOpen = await Promise.all(
    Array.from({ length: 299 }, async () => {
      const socket = await rawConnection(port, SSL_REQUEST);
      await once(socket, "data");
      return socket;
    }),
  );
  const beyond = await rawConnection(port, SSL_REQUEST);
  t.equal((await untilClosed(beyond)).length, 0, "one more is closed without a word");
  t.same((await good.query("select 1 as n")).rows, [{ n: 1 }], "who is in is served");
  await Promise.all(halfOpen.map(untilClosed));
  t.same((await (await connected(t, demo, { port })).query("select 2 as n")).rows, [{ n: 2 }]);
  t.equal(gateway.openSessions, 2);
});

t.test("a message that claims to be large is not stored before it has come", async (t) => {
  const { port } = await variantGateway(t, demo, "claims", {});
  const sessions = await Promise.all(Array.from({ length: 20 }, () => RawSession.open(demo, port)));
  const before = process.memoryUsage().arrayBuffers;
  // 60 MB each, below the limit of one message: 1.2 GB if it were set aside.
  for (const { socket } of sessions) socket.write(message("Q", Buffer.from("select 1"), 60 * 1024 * 1024));
  const other = await connected(t, demo, { port });
  for (let n = 0; n < 20; n++) await other.query("select 1");
  t.ok(process.memoryUsage().arrayBuffers - before < 60 * 1024 * 1024);
  for (const { socket } of sessions) socket.destroy();
});

t.test("a client that asks and does not read is waited for, not stored", async (t) => {
  const { port, gateway } = await variantGateway(t, demo, "deaf", {});
  const session = await RawSession.open(demo, port);
  session.socket.pause();
  const before = process.memoryUsage();
  // 400 MB of rows.
  session.socket.write(
    message("Q", Buffer.from("select repeat('x', 100000) from generate_series(1, 4000)\0")),
  );
  const other = await connected(t, demo, { port });
  for (let n = 0; n < 100; n++) await other.query("select count(*) from orders");
  const { arrayBuffers, external } = process.memoryUsage();
  t.ok(arrayBuffers + external - before.arrayBuffers - before.external < 100 * 1024 * 1024);
  session.socket.destroy();
  await eventually(() => gateway.openSessions === 1);
});
