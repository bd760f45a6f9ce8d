import { once } from "node:events";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { Pull } from "@gatehouse/wire";
import { serialize } from "pg-protocol";
import t, { type Test } from "tap";
import { encodeCancelRequest } from "../src/codec/startup-packet.ts";
import { eventually } from "./support/eventually.ts";
import { PASSWORD, startFrontWithServer } from "./support/front.ts";
import { errorIn, logIn, overTls, RawClient, rawSocket, startupMessage } from "./support/raw-client.ts";

/* The first packets of a connection, in every order and at every cut. */

const { front, server, admin } = await startFrontWithServer();
t.teardown(async () => {
  await admin.end();
  await front.close();
  await server.stop();
});
const ME = { user: "reader", database: "orders" };
const ssl = Buffer.from("0000000804d2162f", "hex");
const gssenc = Buffer.from("0000000804d21630", "hex");

/** One byte, as an answer to a request for encryption is. */
async function answer(socket: Socket): Promise<string> {
  const pull = new Pull(socket);
  const chunk = await pull.next();
  pull.release();
  return chunk?.toString("latin1") ?? "closed";
}

async function works(t: Test, socket: Socket, what: string): Promise<void> {
  const { client } = await logIn(socket, ME, PASSWORD);
  client.send(serialize.query("select 1"));
  t.equal(await client.shape(), "TDCZI", what);
  socket.destroy();
}

/** All that is said until the connection is closed. */
async function toEnd(socket: Socket): Promise<string> {
  const heard: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => heard.push(chunk));
  if (!socket.closed) await once(socket, "close");
  return Buffer.concat(heard).toString("latin1");
}

t.test("two requests in one piece are answered one after the other", async (t) => {
  const socket = await rawSocket(front.port);
  socket.write(Buffer.concat([gssenc, ssl]));
  let heard = "";
  while (heard.length < 2) heard += await answer(socket);
  t.equal(heard, "NS");
  await works(t, await overTls(socket, front.ca, []), "GSSENCRequest, SSLRequest");
});

t.test("a request may come byte by byte", async (t) => {
  const socket = await rawSocket(front.port);
  for (const bytes of [gssenc, ssl]) {
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    t.equal(await answer(socket), bytes === ssl ? "S" : "N");
  }
  const secured = await overTls(socket, front.ca, []);
  for (const byte of startupMessage(ME)) {
    secured.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  const client = new RawClient(secured);
  t.equal((await client.next())?.type, "R".charCodeAt(0));
  secured.destroy();
});

t.test(
  "libpq names the protocol behind an SSLRequest too; another name is no PostgreSQL client",
  async (t) => {
    const named = await rawSocket(front.port);
    named.write(ssl);
    t.equal(await answer(named), "S");
    const secured = await overTls(named, front.ca, ["postgresql"]);
    t.equal(secured instanceof TLSSocket && secured.alpnProtocol, "postgresql");
    await works(t, secured, "with ALPN");
    const other = await rawSocket(front.port);
    other.write(ssl);
    t.equal(await answer(other), "S");
    await t.rejects(overTls(other, front.ca, ["http/1.1"]));
  },
);

t.test(
  "bytes that come before a handshake could begin, or in another's place, end the connection",
  async (t) => {
    const hello = Buffer.from([0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]);
    for (const [what, bytes, said] of [
      ["a ClientHello in one piece with the SSLRequest", Buffer.concat([ssl, hello]), ""],
      ["an SSLRequest behind an SSLRequest", Buffer.concat([ssl, ssl]), ""],
      ["a password behind an SSLRequest", Buffer.concat([ssl, serialize.password(PASSWORD)]), ""],
      ["the same behind both requests", Buffer.concat([gssenc, ssl, startupMessage(ME)]), "N"],
      ["a ClientHello behind a GSSENCRequest", Buffer.concat([gssenc, hello]), "N"],
      ["a third request", Buffer.concat([gssenc, gssenc, ssl]), "N"],
    ] as const) {
      const socket = await rawSocket(front.port);
      socket.write(bytes);
      t.equal(await toEnd(socket), said, what);
    }
    t.strictSame(
      front.gate.events.filter(({ type }) => type === "rejected"),
      [],
      "none got as far as a log-in",
    );
  },
);

t.test("a plaintext start-up behind a GSSENCRequest is refused like any", async (t) => {
  const socket = await rawSocket(front.port);
  socket.write(gssenc);
  t.equal(await answer(socket), "N");
  const client = new RawClient(socket);
  client.send(startupMessage(ME));
  t.equal(errorIn(await client.toEnd()).get("C"), "28000");
});

t.test("a cancel may come by each of the ways", async (t) => {
  const ways: Readonly<Record<string, () => Promise<Socket>>> = {
    plaintext: () => rawSocket(front.port),
    "behind GSSENCRequest": async () => {
      const socket = await rawSocket(front.port);
      socket.write(gssenc);
      t.equal(await answer(socket), "N");
      return socket;
    },
    "behind SSLRequest": async () => {
      const socket = await rawSocket(front.port);
      socket.write(ssl);
      t.equal(await answer(socket), "S");
      return overTls(socket, front.ca, []);
    },
    "direct TLS": async () => overTls(await rawSocket(front.port), front.ca, ["postgresql"]),
  };
  const mine = await overTls(await rawSocket(front.port), front.ca, ["postgresql"]);
  const { client, key } = await logIn(mine, ME, PASSWORD);
  if (key === undefined) throw new Error("a session without a key");
  for (const [what, reach] of Object.entries(ways)) {
    client.send(serialize.query("select pg_sleep(600)"));
    await eventually(async () => {
      const text = "select from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'";
      return (await admin.query(text)).rows.length === 1;
    });
    const socket = await reach();
    socket.write(encodeCancelRequest(key.processId, key.secretKey));
    t.equal(await toEnd(socket), "", what);
    t.equal(errorIn(await client.until("Z")).get("C"), "57014", what);
  }
  client.socket.destroy();
});
