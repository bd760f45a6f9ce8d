import { once } from "node:events";
import { serialize } from "pg-protocol";
import t from "tap";
import { encodeCancelRequest } from "../src/codec/startup-packet.ts";
import { eventually, PASSWORD, startFrontWithServer } from "./support/front.ts";
import {
  errorIn,
  letter,
  logIn,
  RawClient,
  rawSocket,
  securedSocket,
  startupMessage,
} from "./support/raw-client.ts";

const { front, server, admin } = await startFrontWithServer();
t.teardown(async () => {
  await admin.end();
  await front.close();
  await server.stop();
});
const ME = { user: "reader", database: "orders" };
const closings = () => front.gate.events.filter((event) => event.type === "closed");

async function active(query: string): Promise<number> {
  const text = "select 1 from pg_stat_activity where query = $1 and state = 'active'";
  return (await admin.query(text, [query])).rows.length;
}

async function backends(): Promise<number> {
  const text =
    "select 1 from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()";
  return (await admin.query(text)).rows.length;
}

t.test("a cancel with the right key ends the query and not the session, over TLS and without", async (t) => {
  for (const connect of [rawSocket, (port: number) => securedSocket(port, front.ca)]) {
    const { client, key } = await logIn(await securedSocket(front.port, front.ca), ME, PASSWORD);
    if (!key) throw new Error("no key");
    client.send(serialize.query("select pg_sleep(600)"));
    await eventually(async () => (await active("select pg_sleep(600)")) === 1);
    const request = await connect(front.port);
    request.resume().write(encodeCancelRequest(key.processId, key.secretKey));
    await once(request, "close");
    t.equal(errorIn(await client.until("Z")).get("C"), "57014");
    client.send(serialize.query("select 1"));
    t.equal(await client.shape(), "TDCZI");
    client.socket.destroy();
  }
});

t.test("a cancel with another key ends nothing, and is answered in the same way", async (t) => {
  const text = "select pg_sleep(601)";
  const mine = await logIn(await securedSocket(front.port, front.ca), ME, PASSWORD);
  const other = await logIn(await securedSocket(front.port, front.ca), ME, PASSWORD);
  if (!mine.key || !other.key) throw new Error("no key");
  mine.client.send(serialize.query(text));
  await eventually(async () => (await active(text)) === 1);
  const secret = Buffer.from(mine.key.secretKey);
  secret[0] = (secret[0] ?? 0) ^ 1;
  const wrong = [
    encodeCancelRequest(mine.key.processId, secret),
    encodeCancelRequest(other.key.processId, mine.key.secretKey),
    encodeCancelRequest(mine.key.processId, other.key.secretKey),
    encodeCancelRequest(mine.key.processId, mine.key.secretKey.subarray(0, 3)),
    encodeCancelRequest(mine.key.processId, Buffer.alloc(0)),
    encodeCancelRequest(0, mine.key.secretKey),
  ];
  for (const bytes of wrong) {
    const request = await rawSocket(front.port);
    const heard: Buffer[] = [];
    request.on("data", (chunk: Buffer) => heard.push(chunk)).write(bytes);
    await once(request, "close");
    t.strictSame(heard, []);
  }
  t.equal(await active(text), 1, "it runs on");
  mine.client.socket.destroy();
  other.client.socket.destroy();
  await eventually(async () => (await backends()) === 0);
});

t.test("a client that vanishes takes its query with it", async (t) => {
  const before = closings().length;
  const text = "select pg_sleep(602)";
  const client = await front.connect();
  client.send(serialize.query(text));
  await eventually(async () => (await active(text)) === 1);
  client.socket.destroy();
  await eventually(async () => (await backends()) === 0);
  await front.gate.until(() => closings().length === before + 1);
  t.match(closings().at(-1), { end: "client_closed" });
});

t.test("a client that says goodbye and goes takes a result along that nobody would read", async (t) => {
  const before = closings().length;
  const text = "select repeat('x', 1000) from generate_series(1, 100000) a, generate_series(1, 100000) b";
  for (const [index, read] of [true, false].entries()) {
    const client = await front.connect();
    client.send(serialize.query(text), serialize.end());
    if (read) await client.next();
    await eventually(async () => (await active(text)) === 1);
    client.socket.destroy();
    await front.gate.until(() => closings().length === before + index + 1);
    t.match(closings().at(-1), { end: "client_closed" });
    await eventually(async () => (await backends()) === 0);
  }
});

t.test("what a client sent before its goodbye is run, though it does not stay to hear of it", async (t) => {
  await admin.query("create table heard (n int)");
  await admin.query("select pg_advisory_lock(605), pg_advisory_lock(606)");
  const before = closings().length;
  const client = await front.connect();
  const text = "select pg_advisory_lock(605)";
  const insert = serialize.query("insert into heard values (1)");
  const again = "select pg_advisory_lock(606); insert into heard values (2)";
  client.send(serialize.query(text), insert, serialize.query(again), serialize.end());
  await eventually(async () => (await active(text)) === 1);
  client.socket.destroy();
  await once(client.socket, "close");
  await admin.query("select pg_advisory_unlock(605)");
  await eventually(async () => (await active(again)) === 1);
  t.equal(closings().length, before, "what the first two have said ends nothing");
  await admin.query("select pg_advisory_unlock(606)");
  await front.gate.until(() => closings().length === before + 1);
  await eventually(async () => (await backends()) === 0);
  t.equal((await admin.query("select from heard")).rows.length, 2);
});

t.test("a client that is gone before the target has answered leaves nothing behind", async (t) => {
  const before = closings().length;
  const client = new RawClient(await securedSocket(front.port, front.ca));
  client.send(startupMessage(ME));
  await client.next();
  client.socket.write(serialize.password(PASSWORD), () => client.socket.destroy());
  await front.gate.until(() => closings().length === before + 1);
  await eventually(async () => (await backends()) === 0);
  t.equal(front.gate.open, 0);
});

t.test("a backend that is terminated says so, and the session ends", async (t) => {
  const before = closings().length;
  const client = await front.connect({ application_name: "victim" });
  await admin.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'",
  );
  const frames = await client.toEnd();
  t.equal(errorIn(frames).get("C"), "57P01");
  await front.gate.until(() => closings().length === before + 1);
  t.match(closings().at(-1), { end: "target_closed" });
});

t.test("the gateway's own end of a session is told to the client", async (t) => {
  const client = await front.connect();
  front.gate.endAll();
  const fields = errorIn(await client.toEnd());
  t.equal(fields.get("C"), "57P01");
  t.match(fields.get("M"), /shutting down/);
  t.match(closings().at(-1), { end: "drained" });
  await eventually(async () => (await backends()) === 0);
});

t.test("what a client sends that is no message ends its session with a word", async (t) => {
  const nonsense = {
    "an unknown type": Buffer.from([0x7a, 0, 0, 0, 4]),
    "a length below its own": Buffer.from([0x51, 0, 0, 0, 3]),
    "a Sync that is too long": Buffer.concat([Buffer.from([0x53, 0, 0, 0x40, 0]), Buffer.alloc(0x3ffc)]),
  };
  for (const [what, bytes] of Object.entries(nonsense)) {
    const client = await front.connect();
    client.send(bytes);
    t.equal(errorIn(await client.toEnd()).get("C"), "08P01", what);
  }
  await eventually(async () => (await backends()) === 0);
});

t.test("what stands before a violation is answered, though it has to be looked at first", async (t) => {
  const client = await front.connect();
  client.send(serialize.parse({ text: "select 'nobody has asked before'" }), Buffer.from([0x7a, 0, 0, 0, 4]));
  const frames = await client.toEnd();
  t.equal(frames.map(letter).join(""), "1E");
  t.equal(errorIn(frames).get("C"), "08P01");
});

t.test("what PostgreSQL can't read of a message, it says, and the session goes on", async (t) => {
  const client = await front.connect();
  for (const [what, bytes, sqlstate] of [
    ["a text that is not UTF-8", Buffer.from("Q\0\0\0\x07\xff\xfe\0", "latin1"), "22021"],
    ["bytes behind a text", Buffer.from("Q\0\0\0\x0bselect\0", "latin1").fill(0, 9), "08P01"],
    ["a text without an end", Buffer.from("Q\0\0\0\x05x", "latin1"), "08P01"],
    ["a Bind that is too short", Buffer.from([0x42, 0, 0, 0, 6, 0, 0]), "08P01"],
    ["a Describe of nothing", Buffer.from([0x44, 0, 0, 0, 6, 0x58, 0]), "08P01"],
    ["a FunctionCall without an end", Buffer.from([0x46, 0, 0, 0, 8, 0, 0, 0, 1]), "08P01"],
  ] as const) {
    client.send(bytes, ...(["B", "D"].includes(bytes.toString("latin1", 0, 1)) ? [serialize.sync()] : []));
    const frames = await client.until("Z");
    t.strictSame(frames.map(letter).join(""), "EZ", what);
    t.equal(errorIn(frames).get("C"), sqlstate, what);
  }
  client.send(serialize.query("select 1"));
  t.equal(await client.shape(), "TDCZI");
  client.socket.destroy();
});

t.test("notices and changed settings reach the client", async (t) => {
  const client = front.pg();
  await client.connect();
  const notices: (string | undefined)[] = [];
  client.on("notice", (notice) => notices.push(notice.message));
  await client.query("do $$ begin raise notice 'heard'; end $$");
  t.strictSame(notices, ["heard"]);
  const changed = once(client.connection, "parameterStatus");
  await client.query("set timezone = 'Asia/Tokyo'");
  t.match(await changed, [{ parameterName: "TimeZone", parameterValue: "Asia/Tokyo" }]);
  await client.end();
});

t.test("a notification reaches a client that is idle", async (t) => {
  const client = await front.connect();
  client.send(serialize.query("listen news"));
  t.equal(await client.shape(), "CZI");
  await admin.query("notify news, 'hello'");
  const frame = await client.next();
  t.equal(frame && letter(frame), "A");
  client.send(serialize.query("select 1"));
  t.equal(await client.shape(), "TDCZI");
  client.socket.destroy();
});

t.test("50 MB arrive whole at a slow reader, who slows the server down", async (t) => {
  const client = await front.connect();
  client.release();
  const { socket } = client;
  socket.pause();
  const text = "select repeat('x', 1000) from generate_series(1, 50000)";
  socket.write(serialize.query(text));
  // The server waits for the gateway to read, which it does not while its client does not.
  const waits = "select 1 from pg_stat_activity where query = $1 and wait_event = 'ClientWrite'";
  await eventually(async () => (await admin.query(waits, [text])).rows.length === 1);
  let bytes = 0;
  for await (const chunk of socket) {
    bytes += (chunk as Buffer).length;
    if ((chunk as Buffer).subarray(-6).toString("latin1") === "Z\0\0\0\x05I") break;
  }
  t.ok(bytes > 50_000 * 1000, `${bytes} bytes`);
  socket.destroy();
});

t.test("node-postgres works as it does without the gateway", async (t) => {
  const client = front.pg();
  await client.connect();
  const binary = await client.query({
    text: "select $1::bytea as b, $2::int[] as i, null as n, $3::timestamptz as t",
    values: [Buffer.from([0, 255, 1]), [1, 2], new Date(0)],
    name: "named",
  });
  t.strictSame(binary.rows, [{ b: Buffer.from([0, 255, 1]), i: [1, 2], n: null, t: new Date(0) }]);
  await t.rejects(client.query("select 1/0"), { code: "22012" });
  await t.rejects(client.query("select 1/$1::int", [0]), { code: "22012" });
  const many = await Promise.all(
    Array.from({ length: 50 }, (_, i) => client.query<{ n: number }>("select $1::int as n", [i])),
  );
  t.strictSame(
    many.map(({ rows }) => rows[0]?.n),
    Array.from({ length: 50 }, (_, i) => i),
  );
  await client.end();
  await t.rejects(front.pg({ password: "wrong" }).connect(), { code: "28P01" });
});

t.test("a server that stops ends its sessions, and one that starts again is used again", async (t) => {
  const client = await front.connect();
  await server.crash();
  t.equal(errorIn(await client.toEnd()).get("C"), undefined, "it has no last words, and none are made up");
  t.match(closings().at(-1), { end: "target_closed" });
  const down = await logIn(await securedSocket(front.port, front.ca), ME, PASSWORD);
  t.equal(errorIn(down.frames).get("C"), "08001");
  await server.start();
  const again = await front.connect();
  again.send(serialize.query("select 1"));
  t.equal(await again.shape(), "TDCZI");
  again.socket.destroy();
});
