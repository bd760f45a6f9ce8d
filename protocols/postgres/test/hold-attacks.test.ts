import { once } from "node:events";
import type { Command } from "@gatehouse/core";
import { serialize } from "pg-protocol";
import t from "tap";
import { encodeCancelRequest } from "../src/codec/startup-packet.ts";
import { eventually } from "./support/eventually.ts";
import { PASSWORD, startFrontWithServer } from "./support/front.ts";
import { letter, logIn, type RawClient, rawSocket, securedSocket } from "./support/raw-client.ts";

/* What a client may do at the wire so that a command which waits is run without a yes, or keeps others from theirs. */

const { front, server, admin } = await startFrontWithServer({
  // Of a COPY, no comment is told.
  hold: ({ text, verbs }: Command) => text.includes("held") || verbs.includes("COPY"),
});
t.teardown(async () => {
  await admin.end();
  await front.close();
  await server.stop();
});
t.beforeEach(async () => {
  await admin.query(
    "drop table if exists orders; create table orders (id int); insert into orders select generate_series(1, 10)",
  );
});
const { gate } = front;
const { query, parse, bind, execute, sync, flush, copyData, copyDone } = serialize;

async function left(): Promise<number> {
  return (await admin.query<{ n: number }>("select count(*)::int as n from orders")).rows[0]?.n ?? -1;
}

async function waiting() {
  await eventually(() => gate.waiting.length > 0);
  const [held] = gate.waiting;
  if (!held) throw new Error("nothing waits");
  return held;
}

async function shape(client: RawClient): Promise<string> {
  const frames = await client.until("Z");
  return frames
    .map(letter)
    .filter((letter) => letter !== "N" && letter !== "S")
    .join("");
}

const HELD = query("delete from orders /* held */");

t.test("a client that has sent too much to be read on from, and is gone, takes it back", async (t) => {
  const { length } = gate.events;
  const client = await front.connect();
  client.send(HELD);
  await waiting();
  client.send(query(`select '${"x".repeat(200_000)}'`));
  await eventually(() => client.socket.writableLength === 0);
  client.socket.destroy();
  await eventually(() => gate.open === 0);
  t.match(
    gate.events.slice(length).filter(({ type }) => type === "gone"),
    [{ why: "client_gone" }],
  );
  t.equal(await left(), 10);
});

t.test("a client that has sent so much, and stays, notices nothing", async (t) => {
  const client = await front.connect();
  client.send(HELD, ...Array.from({ length: 100 }, () => query(`select '${"x".repeat(2000)}'`)));
  const held = await waiting();
  const frames = await client.until("S");
  t.match(frames.at(-1)?.body.toString(), "client_encoding\0UTF8\0");
  held.approve();
  t.equal(await shape(client), "CZ");
  for (let n = 0; n < 100; n++) t.equal(await shape(client), "TDCZ");
  client.socket.destroy();
});

t.test("storms of Sync and Flush behind it, and messages in pieces, change nothing", async (t) => {
  const client = await front.connect();
  client.send(
    parse({ text: "delete from orders where id = 1 /* held */" }),
    bind({}),
    execute({}),
    ...Array.from({ length: 500 }, () => [sync(), flush()]).flat(),
    parse({ text: "select 1" }).subarray(0, 7),
  );
  const held = await waiting();
  t.equal(await left(), 10);
  held.deny();
  t.equal(await shape(client), "EZ");
  for (let n = 1; n < 500; n++) t.equal(await shape(client), "Z");
  client.send(parse({ text: "select 1" }).subarray(7), bind({}), execute({}), sync());
  t.equal(await shape(client), "12DCZ");
  client.socket.destroy();
});

t.test(
  "data of a COPY behind it are no data before it is let through, and passed over when it is not",
  async (t) => {
    const client = await front.connect();
    const copy = [
      query("copy orders from stdin"),
      copyData(Buffer.from("100\n")),
      copyData(Buffer.from("101\n")),
      copyDone(),
    ];
    client.send(...copy);
    (await waiting()).deny();
    t.equal(await shape(client), "EZ");
    t.equal(await left(), 10);
    client.send(...copy);
    const held = await waiting();
    t.equal(await left(), 10);
    held.approve();
    t.equal(await shape(client), "GCZ");
    t.equal(await left(), 12);
    client.socket.destroy();
  },
);

t.test("nobody else's cancel takes it back", async (t) => {
  const socket = await securedSocket(front.port, front.ca);
  const { client, key } = await logIn(socket, { user: "reader", database: "orders" }, PASSWORD);
  if (!key) throw new Error("no key");
  client.send(HELD);
  const held = await waiting();
  for (const secret of [Buffer.alloc(4), Buffer.from(key.secretKey).reverse(), Buffer.alloc(32)]) {
    const other = await rawSocket(front.port);
    other.resume().write(encodeCancelRequest(key.processId, secret));
    if (!other.closed) await once(other, "close");
  }
  t.equal(gate.waiting.length, 1);
  held.approve();
  t.equal(await shape(client), "CZ");
  client.socket.destroy();
});

t.test("what it runs by name is told once, however often it is run", async (t) => {
  const client = await front.connect();
  client.send(query(`prepare big as select '${"x".repeat(100_000)}'`), query("prepare small as select 1"));
  await shape(client);
  await shape(client);
  client.send(query(`${"execute big; execute small; ".repeat(500)} select 1 as held`));
  const held = await waiting();
  t.equal(held.command.runs?.length, 2);
  held.deny();
  t.equal(await shape(client), "EZ");
  client.socket.destroy();
});
