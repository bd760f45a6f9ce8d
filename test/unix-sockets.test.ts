import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { access, chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "@gatehouse/testkit";
import pg from "pg";
import t, { type Test } from "tap";
import {
  admin,
  auditLines,
  connected,
  demoFor,
  eventually,
  refusal,
  untilClosed,
  variantGateway,
} from "./environment.ts";
import { message, rawConnection, SSL_REQUEST, startupMessage } from "./raw.ts";

/* Every kind of address, on both sides: IPv4, IPv6, Unix sockets, and several of them at once. */

const demo = await demoFor(t);
const superuser = await admin(t, demo);
const folder = await mkdtemp(join(tmpdir(), "gatehouse-sockets-"));
await chmod(folder, 0o777);
t.teardown(() => rm(folder, { recursive: true, force: true }));
const token = demo.variables["AGENT_TOKEN"] ?? "";
const ca = await readFile(demo.variables["PGSSLROOTCERT"] ?? "", "utf8");

/** Clients find a socket by its folder and a port's number, which is in its name. */
const NUMBER = 15_432;
const GSSENC_REQUEST = Buffer.from("0000000804d21630", "hex");

/** A gateway that listens on IPv4 and IPv6 with TLS, and on a Unix socket without; where each of them is. */
async function everywhere(t: Test, name: string, lines: Readonly<Record<string, string>> = {}) {
  const path = join(await mkdtemp(join(folder, `${name}-`)), `.s.PGSQL.${NUMBER}`);
  await chmod(join(path, ".."), 0o755);
  const listeners = `[{ address: ["127.0.0.1:0", "[::1]:0"] }, { address: "unix:${path}", tls: off }]`;
  const running = await variantGateway(t, demo, name, { "  postgres": listeners, ...lines });
  const addresses = running.log.entries.flatMap(({ message, fields }) =>
    message === "listening" && "address" in fields && "protocol" in fields && fields.protocol === "postgres"
      ? [String(fields.address)]
      : [],
  );
  const portOf = (host: string) => {
    const address = addresses.find((text) => text.startsWith(`${host}:`)) ?? "";
    return Number(address.slice(host.length + 1));
  };
  return { ...running, path, addresses, ipv4: portOf("127.0.0.1"), ipv6: portOf("[::1]") };
}

/** A client by a Unix socket: node-postgres goes by the folder, as libpq does. */
async function bySocket(t: Test, path: string, password = token): Promise<pg.Client> {
  const login = { user: "reader", database: "orders", password };
  const client = new pg.Client({ host: join(path, ".."), port: NUMBER, ...login });
  client.on("error", () => undefined);
  await client.connect();
  t.teardown(() => client.end());
  return client;
}

async function opened(state: string) {
  return (await auditLines(state)).flatMap((line) => (line.type === "session.opened" ? [line.client] : []));
}

t.test("one gateway, three addresses: each is served, and the log says by which a client came", async (t) => {
  const { state, path, addresses, ipv4, ipv6, gateway } = await everywhere(t, "everywhere");
  t.same(addresses, [`127.0.0.1:${ipv4}`, `[::1]:${ipv6}`, `unix:${path}`]);
  const v6 = new pg.Client({
    host: "::1",
    port: ipv6,
    user: "reader",
    database: "orders",
    password: token,
    ssl: { ca, servername: "localhost" },
  });
  await v6.connect();
  const clients = [v6, await connected(t, demo, { port: ipv4 }), await bySocket(t, path)];
  for (const client of clients) {
    t.same((await client.query("select count(*)::int as n from orders")).rows, [{ n: 50_000 }]);
    t.match(await refusal(client.query("drop table orders")), { code: "42501" });
  }
  t.match(await opened(state), [
    { host: "::1", port: Number },
    { host: "127.0.0.1", port: Number },
    { socket: path },
  ]);
  await v6.end();
  await gateway.stop("test");
  await t.rejects(access(path), { code: "ENOENT" }, "the socket goes with the gateway");
});

/** One byte, as an answer to a request for encryption is. */
async function answer(socket: Socket, request: Buffer): Promise<string> {
  const heard = once(socket, "data");
  socket.write(request);
  return String((await heard)[0]);
}

async function socketAt(path: string): Promise<Socket> {
  const socket = connect(path);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

t.test("over a Unix socket there is no encryption: who asks for it is told so, and may go on", async (t) => {
  const { path, ipv4, ipv6 } = await everywhere(t, "plain");
  for (const requests of [[SSL_REQUEST, GSSENC_REQUEST], [GSSENC_REQUEST, SSL_REQUEST], [SSL_REQUEST], []]) {
    const socket = await socketAt(path);
    for (const request of requests) t.equal(await answer(socket, request), "N");
    const asked = await answer(socket, startupMessage({ user: "reader", database: "orders" }));
    t.equal(asked, "R\0\0\0\x08\0\0\0\x03");
    const rest = untilClosed(socket);
    socket.write(message("p", Buffer.from(`${token}\0`)));
    socket.write(message("Q", Buffer.from("select 'by socket'\0")));
    socket.write(message("X", Buffer.alloc(0)));
    t.match((await rest).toString("latin1"), /by socket/);
  }
  const twice = await socketAt(path);
  t.equal(await answer(twice, SSL_REQUEST), "N");
  twice.write(SSL_REQUEST);
  t.equal((await untilClosed(twice)).length, 0, "asking twice is no client");
  const direct = await socketAt(path);
  direct.write(Buffer.from([0x16, 3, 1, 0, 200]));
  t.equal((await untilClosed(direct)).length, 0, "nor is a TLS handshake");
  t.match(await refusal(bySocket(t, path, "hunter2")), { code: "28P01" });
  for (const [host, port] of [
    ["127.0.0.1", ipv4],
    ["::1", ipv6],
  ] as const) {
    const plaintext = new pg.Client({ host, port, user: "reader", database: "orders", password: token });
    t.match(await refusal(plaintext.connect()), { code: "28000" }, "beside it, TCP takes TLS alone");
  }
});

/** Runs what takes long, and cancels it; the session goes on. @param observer of the server, past the gateway */
async function cancelled(t: Test, client: pg.Client, reach: () => Promise<Socket>, observer: pg.Client) {
  const sleeping = refusal(client.query("select pg_sleep(600)"));
  await eventually(async () => {
    const text = "select from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'";
    return (await observer.query(text)).rows.length === 1;
  });
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const request = Buffer.alloc(16);
  for (const [index, word] of [16, 80877102, processID, secretKey].entries())
    request.writeInt32BE(word, index * 4);
  const socket = await reach();
  socket.write(request);
  t.equal((await untilClosed(socket)).length, 0);
  t.match(await sleeping, { code: "57014" });
  t.same((await client.query("select 1 as n")).rows, [{ n: 1 }]);
}

t.test("a cancel may come in by another address than its session", async (t) => {
  const { path, ipv4 } = await everywhere(t, "cancel");
  const ways = [
    [await bySocket(t, path), () => rawConnection(ipv4)],
    [await connected(t, demo, { port: ipv4 }), () => socketAt(path)],
  ] as const;
  for (const [client, reach] of ways) {
    await cancelled(t, client, reach, superuser);
  }
});

t.test("a target by a Unix socket, and one that is tried first and is not there", async (t) => {
  const hba = join(folder, "pg_hba.conf");
  await writeFile(hba, "local all all scram-sha-256\nhost all postgres 127.0.0.1/32 scram-sha-256\n");
  const server = await startPostgres({ settings: { unix_socket_directories: folder, hba_file: hba } });
  const { host, port } = server;
  const owner = new pg.Client({ host, port, ...server.superuser, database: "postgres" });
  await owner.connect();
  t.teardown(async () => {
    await owner.end();
    await server.stop();
  });
  const password = randomBytes(18).toString("base64url");
  await writeFile(join(demo.folder, "secrets", "orders-reader"), password, { mode: 0o600 });
  await owner.query(`create role orders_reader login password '${password}'`);

  const { path, ipv4 } = await everywhere(t, "target", {
    "    address": `["unix:${folder}/.s.PGSQL.1", "unix:${folder}/.s.PGSQL.${port}"]`,
    "    tls": "off",
    "    database": "postgres",
    "    credential": "{ user: orders_reader, password: file:secrets/orders-reader }",
    "      reader": "{}",
    "      writer": "{}",
  });
  for (const client of [await bySocket(t, path), await connected(t, demo, { port: ipv4 })]) {
    const { rows } = await client.query("select inet_server_addr() as address, current_user as name");
    t.same(rows, [{ address: null, name: "orders_reader" }]);
    await cancelled(t, client, () => socketAt(path), owner);
  }
});
