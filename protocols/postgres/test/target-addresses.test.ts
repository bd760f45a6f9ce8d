import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "@gatehouse/certs";
import { type Address, Secret, type TcpAddress } from "@gatehouse/core";
import { type PostgresServer, startPostgres } from "@gatehouse/testkit";
import { hangUp } from "@gatehouse/wire";
import pg from "pg";
import { serialize } from "pg-protocol";
import t, { type Test } from "tap";
import { decodeParameterStatus } from "../src/codec/parameter-status.ts";
import { frame, typeCode } from "../src/codec/framing.ts";
import { encodeCancelRequest } from "../src/codec/startup-packet.ts";
import { connectTarget } from "../src/target-connection.ts";
import { eventually } from "./support/eventually.ts";
import { errorIn, RawClient } from "./support/raw-client.ts";
import { fakeServer, leaseOf, relayTo, type TargetOptions, targetAt } from "./support/target.ts";

const password = new Secret("open sesame");
const parameters = new Map([["database", "postgres"]]);

async function asAdmin<T>(server: PostgresServer, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({
    host: server.host,
    port: server.port,
    database: "postgres",
    ...server.superuser,
    options: "-c default_transaction_read_only=off",
  });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

/** Where a server listens whose role `gatehouse` logs in with the password above. */
async function prepared(server: PostgresServer): Promise<TcpAddress> {
  await asAdmin(server, (admin) => admin.query("create role gatehouse login password 'open sesame'"));
  return { host: server.host, port: server.port };
}

/** Brings a server back as a standby of nobody: it stays in recovery, and can be read. */
async function demote(server: PostgresServer): Promise<void> {
  const { rows } = await asAdmin(server, (admin) =>
    admin.query<{ data_directory: string }>("show data_directory"),
  );
  await server.crash();
  await writeFile(join(rows[0]?.data_directory ?? "", "standby.signal"), "");
  // It waits for a line that a standby does not write, and rejects when the server is stopped.
  server.start().catch(() => undefined);
  await eventually(() => server.log().includes("ready to accept read-only connections"));
}

const folder = await mkdtemp(join(tmpdir(), "gatehouse-sockets-"));
await chmod(folder, 0o777);
const hba = join(folder, "pg_hba.conf");
await writeFile(hba, "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n");
const [ordinary, reading, standing] = await Promise.all([
  startPostgres({ settings: { unix_socket_directories: folder, hba_file: hba } }),
  startPostgres({ settings: { default_transaction_read_only: "on" } }),
  startPostgres(),
]);
t.teardown(async () => {
  await Promise.all([ordinary, reading, standing].map((server) => server.stop()));
  await rm(folder, { recursive: true, force: true });
});
const primary = await prepared(ordinary);
const standby = await prepared(standing);
await demote(standing);
const readOnly = await prepared(reading);

/** Nobody listens there. */
const down = { host: "127.0.0.1", port: 1 };

type Addresses = readonly [Address, ...Address[]];

function connectTo(addresses: Addresses, options: TargetOptions = {}, secret = password) {
  return connectTarget(targetAt(addresses, options), leaseOf("gatehouse", secret), parameters);
}

/** Where the connection has led; the session works. */
async function reached(addresses: Addresses, options: TargetOptions = {}): Promise<number | undefined> {
  const { socket, rest } = await connectTo(addresses, options);
  t.equal(rest.length, 0);
  const client = new RawClient(socket);
  client.send(serialize.query("select 1"));
  t.equal(await client.shape(), "TDCZI");
  const port = socket.remotePort;
  socket.destroy();
  return port;
}

/** As a server before PostgreSQL 14, which reports less of itself. */
function older(t: Test, address: TcpAddress): Promise<TcpAddress> {
  return relayTo(t, address, {
    change: ({ type, body, bytes }) =>
      type === typeCode("S") &&
      ["in_hot_standby", "default_transaction_read_only"].includes(decodeParameterStatus(body).name)
        ? Buffer.alloc(0)
        : bytes,
  });
}

const KINDS = [
  // in order: the primary, the one that is read-only by its settings, the standby
  ["any", [true, true, true]],
  ["read-write", [true, false, false]],
  ["read-only", [false, true, true]],
  ["primary", [true, true, false]],
  ["standby", [false, false, true]],
] as const;

t.test(
  "a server is used if it is the kind that is wanted, whether it says so or has to be asked",
  async (t) => {
    const addresses = [primary, readOnly, standby];
    const silent = await Promise.all(addresses.map((address) => older(t, address)));
    for (const [targetSessionAttrs, fit] of KINDS) {
      for (const [index, expected] of fit.entries()) {
        for (const address of [addresses[index], silent[index]]) {
          if (address === undefined) throw new Error("no address");
          const attempt = reached([address], { targetSessionAttrs });
          if (expected) t.equal(await attempt, address.port, `${targetSessionAttrs} ${index}`);
          else {
            await t.rejects(attempt, {
              code: "TARGET_UNREACHABLE",
              message: new RegExp(`^127\\.0\\.0\\.1:${address.port} is .*; ${targetSessionAttrs} is wanted`),
            });
          }
        }
      }
    }
  },
);

t.test("of several addresses the first that fits is used", async (t) => {
  t.equal(await reached([standby, primary]), standby.port, "any will do");
  t.equal(
    await reached([down, standby, readOnly, primary], { targetSessionAttrs: "read-write" }),
    primary.port,
  );
  t.equal(await reached([primary, readOnly, standby], { targetSessionAttrs: "standby" }), standby.port);
  t.equal(await reached([primary, standby], { targetSessionAttrs: "prefer-standby" }), standby.port);
  t.equal(await reached([down, primary], { targetSessionAttrs: "prefer-standby" }), primary.port, "or any");
});

t.test("where none fits, each address is named, and why", async (t) => {
  await t.rejects(connectTo([down, standby, readOnly], { targetSessionAttrs: "read-write" }), {
    code: "TARGET_UNREACHABLE",
    message: new RegExp(
      `^127.0.0.1:1 can't be reached: .*ECONNREFUSED.*\\. 127.0.0.1:${standby.port} is read-only; read-write is wanted\\. ` +
        `127.0.0.1:${readOnly.port} is read-only; read-write is wanted\\.$`,
    ),
  });
  await t.rejects(connectTo([down], { targetSessionAttrs: "prefer-standby" }), {
    message: /^127.0.0.1:1 can't be reached: [^.]*ECONNREFUSED [0-9.:]*\.$/,
  });
});

t.test("a server that does not say which kind it is, is not taken for one", async (t) => {
  const vague = await relayTo(t, await older(t, primary), {
    change: ({ type, bytes }) =>
      type === typeCode("D") ? frame("D", Buffer.from([0, 1, 255, 255, 255, 255])) : bytes,
  });
  for (const targetSessionAttrs of ["read-write", "read-only", "primary", "standby"] as const) {
    await t.rejects(connectTo([vague], { targetSessionAttrs }), { message: /does not say which kind/ });
  }
});

t.test("a server that refuses the credential ends the search", async (t) => {
  let asked = 0;
  const next = await fakeServer(t, () => asked++);
  await t.rejects(connectTo([down, primary, next], {}, new Secret("wrong")), {
    code: "TARGET_AUTHENTICATION",
    message: /127.0.0.1:1 can't be reached.* The target refused the gateway: password authentication failed/,
  });
  await t.rejects(
    connectTarget(
      targetAt([primary, next]),
      leaseOf("gatehouse", password),
      new Map([["database", "nowhere"]]),
    ),
    {
      code: "TARGET_REJECTED",
      message: /database "nowhere" does not exist/,
    },
  );
  t.equal(asked, 0);
});

t.test("one that does not prove who it is ends it too", async (t) => {
  const authority = await createAuthority({ name: "CA", now: Date.now() });
  const ca = join(folder, "ca.crt");
  await writeFile(ca, authority.certificatePem);
  let asked = 0;
  const next = await fakeServer(t, () => asked++);
  await t.rejects(connectTo([primary, next], { tls: { mode: "verify-full", ca } }), {
    code: "TARGET_UNVERIFIED",
    message: "The target does not offer TLS.",
  });
  t.equal(asked, 0);
});

t.test("one that hangs up before it has proved anything does not", async (t) => {
  const authority = await createAuthority({ name: "CA", now: Date.now() });
  const ca = join(folder, "hangs-up.crt");
  await writeFile(ca, authority.certificatePem);
  const crashing = await fakeServer(t, (socket) =>
    socket.once("data", () => {
      socket.once("data", () => socket.destroy());
      socket.write("S");
    }),
  );
  await t.rejects(connectTo([crashing, down], { tls: { mode: "verify-full", ca } }), {
    code: "TARGET_UNREACHABLE",
    message: /closed the connection during the TLS handshake\. 127\.0\.0\.1:1 can't be reached/,
  });
});

t.test("one that can't be used now does not", async (t) => {
  const starting = Buffer.from("SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0");
  const busy = await fakeServer(t, (socket) => socket.once("data", () => socket.end(frame("E", starting))));
  const rude = await fakeServer(t, (socket) => socket.once("data", () => socket.destroy()));
  const silent = await fakeServer(t, () => undefined);
  t.equal(await reached([busy, rude, primary]), primary.port);
  t.equal(
    await reached([silent, primary], { connectTimeout: 3000 }),
    primary.port,
    "each has the whole deadline",
  );
  await t.rejects(connectTo([busy, rude, silent], { connectTimeout: 300 }), {
    code: "TARGET_UNREACHABLE",
    message: /starting up \(SQLSTATE 57P03\)\..*closed the connection.*did not finish the log-in/,
  });
});

t.test("a start-up that goes on and on is given up", async (t) => {
  const notice = frame("N", Buffer.from("SNOTICE\0\0"));
  const talking = await fakeServer(t, (socket) =>
    socket.write(Buffer.concat(Array.from({ length: 1001 }, () => notice))),
  );
  await t.rejects(connectTo([talking]), {
    code: "PROTOCOL_VIOLATION",
    message: /more messages than any server's/,
  });
});

t.test("a Unix socket is reached by its path, and without TLS", async (t) => {
  const socket = join(folder, `.s.PGSQL.${primary.port}`);
  t.equal(await reached([{ socket: `${socket}.none` }, { socket }]), undefined, "there are no ports");
  await t.rejects(connectTo([{ socket }], { tls: { mode: "verify-full" } }), {
    code: "TARGET_UNVERIFIED",
    message: /no TLS over a Unix socket/,
  });
  await t.rejects(connectTo([{ socket: `${socket}.none` }]), {
    code: "TARGET_UNREACHABLE",
    message: /^unix:.*\.none can't be reached/,
  });
});

t.test("a cancel request goes to the server that the session is on", async (t) => {
  const connection = await connectTo([standby, { ...primary, host: "localhost" }], {
    targetSessionAttrs: "primary",
  });
  const client = new RawClient(connection.socket);
  client.send(serialize.query("select pg_sleep(600)"));
  if (connection.key === undefined) throw new Error("no key");
  const { processId, secretKey } = connection.key;
  const done = client.until("Z");
  let answered = false;
  const ended = done.then(() => {
    answered = true;
  });
  // One that comes before the server has begun is lost.
  await eventually(async () => {
    const request = await connection.again(AbortSignal.timeout(10_000));
    t.equal(request.remotePort, primary.port);
    await hangUp(request, 10_000, encodeCancelRequest(processId, secretKey));
    return answered;
  });
  await ended;
  t.equal(errorIn(await done).get("C"), "57014");
  connection.socket.destroy();
});
