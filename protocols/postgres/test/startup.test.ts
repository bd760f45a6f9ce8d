import { once } from "node:events";
import type { Socket } from "node:net";
import { Pull } from "@gatehouse/wire";
import { serialize } from "pg-protocol";
import t, { type Test } from "tap";
import { startFront, startFrontWithServer } from "./support/front.ts";
import {
  errorIn,
  firstColumn,
  letter,
  logIn,
  overTls,
  RawClient,
  rawSocket,
  securedSocket,
  startupMessage,
} from "./support/raw-client.ts";

const PASSWORD = "open sesame";
const ME = { user: "reader", database: "orders" };
const { front, server, admin } = await startFrontWithServer();
t.teardown(async () => {
  await admin.end();
  await front.close();
  await server.stop();
});

const ssl = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
const gssenc = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30]);

/** One byte, as an answer to a request for encryption is. */
async function answer(socket: Socket): Promise<string> {
  const pull = new Pull(socket);
  const chunk = await pull.next();
  pull.release();
  return chunk?.toString("latin1") ?? "closed";
}

async function works(t: Test, socket: Socket): Promise<void> {
  const { client, frames } = await logIn(socket, ME, PASSWORD);
  t.equal(letter(frames.at(-1) ?? { type: 0, body: ssl, bytes: ssl }), "Z");
  client.send(serialize.query("select 1"));
  t.equal(await client.shape(), "TDCZI");
  socket.destroy();
}

t.test("encryption is agreed on in every order that clients use", async (t) => {
  await works(t, await securedSocket(front.port, front.ca));
  const gssFirst = await rawSocket(front.port);
  gssFirst.write(gssenc);
  t.equal(await answer(gssFirst), "N");
  gssFirst.write(ssl);
  t.equal(await answer(gssFirst), "S");
  await works(t, await overTls(gssFirst, front.ca, []));
  await works(t, await overTls(await rawSocket(front.port), front.ca, ["postgresql"]));
});

t.test("direct TLS without the protocol's ALPN name, or with another's, is cut off", async (t) => {
  const nameless = await overTls(await rawSocket(front.port), front.ca, []).catch(() => undefined);
  if (nameless) t.strictSame(await new RawClient(nameless).toEnd(), []);
  await t.rejects(overTls(await rawSocket(front.port), front.ca, ["h2"]));
});

t.test("what is no way to begin is cut off without a word", async (t) => {
  const beginnings = {
    "bytes smuggled behind an SSLRequest": Buffer.concat([ssl, startupMessage(ME)]),
    "a second GSSENCRequest": Buffer.concat([gssenc, gssenc]),
    "an HTTP request": Buffer.from("GET / HTTP/1.1\r\nHost: gateway\r\n\r\n"),
    "a length of 1 GB": Buffer.from([0x40, 0, 0, 0, 0, 3, 0, 0]),
    "a negative length": Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0]),
    "a length of zero": Buffer.alloc(8),
    "parameters without their end": Buffer.concat([
      Buffer.from([0, 0, 0, 13, 0, 3, 0, 0]),
      Buffer.from("user\0"),
    ]),
    "bytes behind the parameters": Buffer.concat([
      Buffer.from([0, 0, 0, 10, 0, 3, 0, 0]),
      Buffer.from("\0x"),
    ]),
    "a parameter that is not UTF-8": Buffer.concat([
      Buffer.from([0, 0, 0, 17, 0, 3, 0, 0]),
      Buffer.from("user\0\xff\xfe\0\0", "latin1"),
    ]),
  };
  for (const [what, bytes] of Object.entries(beginnings)) {
    const socket = await rawSocket(front.port);
    socket.write(bytes);
    const got: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => got.push(chunk));
    await once(socket, "close");
    t.notMatch(Buffer.concat(got).toString("latin1"), /[ER]/, what);
  }
});

t.test("the same inside TLS is cut off as well", async (t) => {
  for (const bytes of [ssl, gssenc, Buffer.from([0x40, 0, 0, 0, 0, 3, 0, 0])]) {
    const client = new RawClient(await securedSocket(front.port, front.ca));
    client.send(bytes);
    t.strictSame(await client.toEnd(), []);
  }
});

t.test("a plaintext client is told how to turn TLS on", async (t) => {
  const client = new RawClient(await rawSocket(front.port));
  client.send(startupMessage(ME));
  const fields = errorIn(await client.toEnd());
  t.equal(fields.get("C"), "28000");
  t.match(fields.get("H"), /sslmode/);
});

t.test("a client that goes silent is cut off at the deadline, wherever it stopped", async (t) => {
  const short = await startFront({ limits: { startup: 300 } });
  const silent = await rawSocket(short.port);
  const half = await rawSocket(short.port);
  half.write(ssl.subarray(0, 5));
  const handshake = await rawSocket(short.port);
  handshake.write(ssl);
  t.equal(await answer(handshake), "S");
  const password = new RawClient(await securedSocket(short.port, short.ca));
  password.send(startupMessage(ME));
  await Promise.all([silent, half, handshake].map((socket) => once(socket.resume(), "close")));
  t.equal((await password.toEnd()).map(letter).join(""), "R");
  t.strictSame(short.gate.events, []);
  await short.close();
});

t.test("a client that is refused and does not hang up is cut off too", async (t) => {
  const short = await startFront({ limits: { startup: 300 } });
  const socket = await securedSocket(short.port, short.ca);
  const { client, frames } = await logIn(socket, ME, "wrong");
  t.equal(errorIn(frames).get("C"), "28P01");
  socket.allowHalfOpen = true;
  t.strictSame(await client.toEnd(), []);
  await short.close();
});

t.test("another version of the protocol is negotiated or refused", async (t) => {
  for (const { minor, options, spoken, unknown, key } of [
    { minor: 0, options: {}, spoken: undefined, unknown: [], key: 4 },
    { minor: 2, options: {}, spoken: undefined, unknown: [], key: 32 },
    { minor: 0, options: { "_pq_.x": "1" }, spoken: 0, unknown: ["_pq_.x"], key: 4 },
    { minor: 2, options: { "_pq_.x": "1", "_pq_.y": "" }, spoken: 2, unknown: ["_pq_.x", "_pq_.y"], key: 32 },
    { minor: 9999, options: {}, spoken: 2, unknown: [], key: 32 },
  ]) {
    const socket = await securedSocket(front.port, front.ca);
    const {
      client,
      frames,
      key: given,
    } = await logIn(socket, { ...ME, ...options }, PASSWORD, {
      major: 3,
      minor,
    });
    const negotiated = Buffer.concat([
      Buffer.from([0, 3, 0, spoken ?? 0, 0, 0, 0, unknown.length]),
      ...unknown.map((name) => Buffer.from(`${name}\0`)),
    ]);
    t.match(frames.map(letter).join(""), spoken === undefined ? /^RR.*Z$/ : /^vRR.*Z$/, `3.${minor}`);
    if (spoken !== undefined) t.strictSame(frames[0]?.body, negotiated);
    t.equal(given?.secretKey.length, key, `a cancel key of ${key} bytes`);
    client.socket.destroy();
  }
  for (const major of [2, 4]) {
    const version = { major, minor: 0 };
    const refused = await logIn(await securedSocket(front.port, front.ca), ME, PASSWORD, version);
    t.match(errorIn(refused.frames).get("M"), /unsupported frontend protocol/);
    t.equal(errorIn(refused.frames).get("C"), "08P01");
  }
});

t.test("start-up settings that a reader may choose go on, the others are refused", async (t) => {
  const good = {
    ...ME,
    application_name: "tests",
    DateStyle: "SQL, DMY",
    client_encoding: "'UTF8'",
    options: "-c statement_timeout=12345 --lock-timeout=7 -cextra_float_digits=0",
  };
  const { client } = await logIn(await securedSocket(front.port, front.ca), good, PASSWORD);
  for (const [name, value] of [
    ["datestyle", "SQL, DMY"],
    ["statement_timeout", "12345ms"],
    ["lock_timeout", "7ms"],
    ["extra_float_digits", "0"],
    ["search_path", "public"],
    ["application_name", "tests"],
  ] as const) {
    client.send(serialize.query(`show ${name}`));
    t.strictSame(firstColumn(await client.until("Z")), [value], name);
  }
  client.socket.destroy();
  const bad = {
    "an encoding that can't be read": { client_encoding: "SJIS" },
    "a name that is more": { options: "-c x;y=1" },
    "an option that is no setting": { options: "-F" },
    "replication that is none": { replication: "perhaps" },
  };
  for (const [what, parameters] of Object.entries(bad)) {
    const socket = await securedSocket(front.port, front.ca);
    const refused = await logIn(socket, { ...ME, ...parameters }, PASSWORD);
    t.equal(errorIn(refused.frames).get("C"), "0A000", what);
    t.equal(refused.frames.length, 1, `${what}: before any password is asked for`);
  }
});

t.test("a setting that is not everybody's to choose is decided as its SET would be", async (t) => {
  const ask = async (options: string) => {
    const socket = await securedSocket(strict.port, strict.ca);
    return logIn(socket, { ...ME, options }, PASSWORD);
  };
  const strict = await startFront({
    address: server,
    password: server.superuser.password,
    allow: ({ kind, text }) => kind !== "startup" || !text.includes("role"),
  });
  t.teardown(() => strict.close());
  const allowed = await ask("-c work_mem=7MB -c my.setting=it's");
  t.match(strict.gate.commands.at(-1), {
    kind: "startup",
    verbs: ["SET"],
    access: "admin",
    text: "SET work_mem = '7MB'; SET my.setting = 'it''s'",
  });
  allowed.client.send(serialize.query("show work_mem"));
  t.strictSame(firstColumn(await allowed.client.until("Z")), ["7MB"]);
  allowed.client.socket.destroy();
  const refused = await ask("-c role=pg_monitor");
  t.equal(errorIn(refused.frames).get("C"), "42501");
  t.equal(errorIn(refused.frames).get("S"), "FATAL");
  t.match(strict.gate.events.at(-1), { type: "closed", end: "client_error" });
});

t.test("a password message that is too long, or none, ends the connection", async (t) => {
  for (const bytes of [
    Buffer.from([0x70, 0x40, 0, 0, 0]),
    serialize.query("select 1"),
    Buffer.from("p\0\0\0\x08\xff\xff\xff\0", "latin1"),
  ]) {
    const client = new RawClient(await securedSocket(front.port, front.ca));
    client.send(startupMessage(ME));
    await client.next();
    client.send(bytes);
    t.strictSame(await client.toEnd(), []);
  }
});

t.test("a message of 1 GB is refused at its header", async (t) => {
  const client = await front.connect();
  client.send(Buffer.from([0x51, 0x40, 0, 0, 0]));
  t.equal(errorIn(await client.toEnd()).get("C"), "08P01");
});

t.test("node-postgres logs in with nothing but the usual settings", async (t) => {
  const client = front.pg();
  await client.connect();
  const { rows } = await client.query("select $1::int + 1 as n, $2::text as t", [41, "é"]);
  t.strictSame(rows, [{ n: 42, t: "é" }]);
  await client.end();
});
