import { createServer, type Server, type Socket } from "node:net";
import { createAuthority } from "@gatehouse/certs";
import { startPostgres } from "@gatehouse/testkit";
import pg from "pg";
import t, { type Test } from "tap";
import { type FrontOptions, startFront } from "./support/front.ts";
import { errorIn, logIn, securedSocket } from "./support/raw-client.ts";

const now = Date.now();
const authority = await createAuthority({ name: "target CA", now });
const named = await authority.issue({
  use: "server",
  commonName: "db",
  names: ["localhost", "127.0.0.1"],
  now,
});
const server = await startPostgres({
  tls: { certificatePem: named.certificatePem, keyPem: named.key.reveal() },
});
t.teardown(() => server.stop());
const admin = new pg.Client({
  host: "localhost",
  port: server.port,
  database: "postgres",
  ...server.superuser,
  ssl: { ca: authority.certificatePem },
});
await admin.connect();
t.teardown(() => admin.end());

/** Logs in through a front of its own; what the client is told, and what the operator is. */
async function attempt(options: FrontOptions) {
  const front = await startFront({ address: server, password: server.superuser.password, ...options });
  const socket = await securedSocket(front.port, front.ca);
  const { client, frames } = await logIn(socket, { user: "reader", database: "orders" }, "open sesame");
  const fields = errorIn(frames);
  socket.destroy();
  await front.gate.until((events) => events.some(({ type }) => type === "closed"));
  const closed = front.gate.events.find((event) => event.type === "closed");
  await front.close();
  return { fields, frames, client, detail: closed?.detail ?? "", end: closed?.end };
}

async function refused(t: Test, options: FrontOptions, detail: RegExp): Promise<void> {
  const { fields, ...result } = await attempt(options);
  t.equal(fields.get("C"), "08001");
  t.equal(fields.get("M"), 'The target "orders" can\'t be reached now.');
  t.match(fields.get("D"), /^Reference: ses_\d+$/, "the client learns nothing of the target");
  t.match(result.detail, detail, "the operator does");
  t.equal(result.end, "target_unreachable");
}

/** A server that answers each connection as it is told; its sockets go with it. */
async function fakeServer(t: Test, serve: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const fake: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => fake.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    fake.close();
  });
  const address = fake.address();
  return { host: "127.0.0.1", port: address !== null && typeof address === "object" ? address.port : 0 };
}

t.test("a target with verified TLS and SCRAM is used", async (t) => {
  const { frames, end } = await attempt({ tls: "own-ca", authority });
  t.equal(frames.at(-1)?.type, "Z".charCodeAt(0));
  t.equal(end, "client_closed");
});

t.test("a target that proves nothing is not sent the credential", async (t) => {
  const other = await createAuthority({ name: "other CA", now });
  await refused(t, { tls: "own-ca", authority: other }, /did not prove who it is/);
});

t.test("a certificate for another name is none", async (t) => {
  const address = { host: "127.0.0.1", port: server.port };
  const front = await startFront({ authority });
  const ca = `${front.folder}/ca.crt`;
  await refused(t, { address, tls: { mode: "verify-full", ca, serverName: "elsewhere" } }, /did not prove/);
  const trusting = await attempt({ address, tls: { mode: "verify-ca", ca } });
  t.equal(trusting.end, "client_closed", "verify-ca looks at the authority alone");
  await front.close();
});

t.test("a target without TLS is refused where the config wants TLS", async (t) => {
  const plain = await fakeServer(t, (socket) => socket.once("data", () => socket.write("N")));
  await refused(t, { address: plain, tls: "own-ca" }, /does not offer TLS/);
  const chatty = await fakeServer(t, (socket) => socket.once("data", () => socket.write("SX")));
  await refused(t, { address: chatty, tls: "own-ca" }, /does not offer TLS/);
});

t.test("a target that is down, silent or hangs up is told apart within the deadline", async (t) => {
  await refused(t, { address: { host: "127.0.0.1", port: 1 } }, /can't be reached/);
  const silent = await fakeServer(t, () => undefined);
  await refused(t, { address: silent, connectTimeout: 200 }, /did not finish the log-in within/);
  await refused(t, { address: silent, connectTimeout: 200, tls: "own-ca" }, /did not answer in time/);
  const rude = await fakeServer(t, (socket) => socket.once("data", () => socket.destroy()));
  await refused(t, { address: rude }, /closed the connection/);
});

t.test("a target that asks for the password in another way does not get it", async (t) => {
  for (const [code, extra] of [
    [3, []],
    [5, [1, 2, 3, 4]],
    [10, [...Buffer.from("SCRAM-SHA-256-PLUS\0\0")]],
  ] as const) {
    const heard: Buffer[] = [];
    const asking = await fakeServer(t, (socket) => {
      socket.on("data", (chunk: Buffer) => heard.push(chunk));
      socket.write(Buffer.from([0x52, 0, 0, 0, 8 + extra.length, 0, 0, 0, code, ...extra]));
    });
    await refused(t, { address: asking, password: "hunter2" }, /does not authenticate by SCRAM-SHA-256/);
    t.notOk(Buffer.concat(heard).includes("hunter2"));
  }
});

t.test("a target that lets the gateway in without proving itself is refused", async (t) => {
  const easy = await fakeServer(t, (socket) => {
    socket.write(Buffer.from("R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I", "latin1"));
  });
  await refused(t, { address: easy }, /does not authenticate by SCRAM-SHA-256/);
});

t.test("garbage and endless talk from a target end the log-in", async (t) => {
  const huge = await fakeServer(t, (socket) => socket.write(Buffer.from([0x53, 0x40, 0, 0, 0])));
  await refused(t, { address: huge }, /larger than the gateway's limit/);
  const talk = Buffer.concat(Array.from({ length: 2000 }, () => Buffer.from("S\0\0\0\x08a\0b\0", "latin1")));
  const endless = await fakeServer(t, (socket) => socket.write(talk));
  await refused(t, { address: endless }, /more settings than any server has/);
});

t.test("a wrong password is the operator's to know", async (t) => {
  await refused(t, { tls: "own-ca", authority, password: "wrong" }, /password authentication failed/);
});

t.test("a target that reads strings in another way is refused, and its connection closed", async (t) => {
  await admin.query(`create role odd login password 'odd'`);
  await admin.query("alter role odd set standard_conforming_strings = off");
  await refused(
    t,
    { tls: "own-ca", authority, user: "odd", password: "odd" },
    /standard_conforming_strings = off/,
  );
  await t.resolves(
    (async () => {
      for (;;) {
        const { rows } = await admin.query("select 1 from pg_stat_activity where usename = 'odd'");
        if (rows.length === 0) return;
      }
    })(),
  );
});

t.test("a role's own search path does not become the session's", async (t) => {
  await admin.query(`create role wanderer login password 'w'`);
  await admin.query("alter role wanderer set search_path = evil, public");
  const options = { tls: "own-ca", authority, user: "wanderer", password: "w" } as const;
  const front = await startFront({ address: { host: "localhost", port: server.port }, ...options });
  const client = front.pg();
  await client.connect();
  const show = async () =>
    (await client.query<{ search_path: string }>("show search_path")).rows[0]?.search_path;
  t.equal(await show(), '"public"');
  await client.query("reset all");
  t.equal(await show(), '"public"');
  await client.query("discard all");
  t.equal(await show(), '"public"');
  await client.end();
  await front.close();
});
