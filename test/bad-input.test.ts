import { once } from "node:events";
import { createServer } from "node:net";
import { readFile, writeFile } from "node:fs/promises";
import t from "tap";
import {
  admin,
  auditLines,
  connected,
  demoFor,
  ending,
  eventually,
  refusal,
  refusedLogin,
  stateOf,
  untilClosed,
} from "./environment.ts";
import { message, rawConnection, securedConnection, startupMessage } from "./raw.ts";

const demo = await demoFor(t);
const port = Number(demo.variables["PGPORT"]);
const reference = /^Reference: ref_[0-9A-Z]{16}$/;

t.test("a credential that proves nothing is refused with one sentence that gives nothing away", async (t) => {
  const token = demo.variables["AGENT_TOKEN"] ?? "";
  // Every way of refusal is compared in packages/gateway/test/credentials.test.ts.
  for (const password of ["", "hunter2", `${token.slice(0, -8)}AAAAAAAA`]) {
    t.match(await refusedLogin(demo, { password }), {
      severity: "FATAL",
      code: "28P01",
      message: /^The credential was not accepted\.$/,
      detail: reference,
    });
  }
});

t.test(
  "an unknown target is refused with 3D000, an unknown level with 28000 and those that are theirs",
  async (t) => {
    t.match(await refusedLogin(demo, { database: "payroll" }), {
      severity: "FATAL",
      code: "3D000",
      detail: reference,
    });
    for (const user of ["owner", "writer", "postgres", "orders_reader"]) {
      t.match(await refusedLogin(demo, { user }), {
        code: "28000",
        detail: reference,
        hint: "The user is the level. Yours: reader.",
      });
    }
  },
);

t.test("a plaintext client is refused with the way to turn TLS on", async (t) => {
  const error = await refusedLogin(demo, { ssl: false });
  t.match(error, {
    severity: "FATAL",
    code: "28000",
    hint: /sslmode=verify-full.*sslrootcert/,
    detail: reference,
  });
  t.match((await auditLines(stateOf(demo))).at(-1), {
    type: "login.failed",
    kind: "plaintext",
    target: "orders",
  });
});

t.test("a password that is sent before TLS is not read", async (t) => {
  const { length } = await auditLines(stateOf(demo));
  const startup = startupMessage({ user: "reader" });
  const socket = await rawConnection(
    port,
    Buffer.concat([startup, message("p", Buffer.from(`${demo.variables["AGENT_TOKEN"] ?? ""}\0`))]),
  );
  t.match((await untilClosed(socket)).toString("latin1"), /C28000/);
  t.match((await auditLines(stateOf(demo))).slice(length), [{ type: "login.failed" }]);
});

for (const [what, bytes] of [
  ["random bytes", Buffer.from("deadbeefcafebabe0102030405060708", "hex")],
  ["an HTTP request", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
  ["an SSH client", Buffer.from("SSH-2.0-OpenSSH_9.2\r\n")],
  ["a start-up packet of 1 GB", Buffer.from("4000000000030000", "hex")],
  ["a start-up packet of negative length", Buffer.from("ffffffff00030000", "hex")],
  ["a start-up packet shorter than its own header", Buffer.from("0000000300030000", "hex")],
  ["an SSLRequest with more behind it", Buffer.from("0000000804d2162f00000000", "hex")],
  ["TLS without the protocol's name", Buffer.from("16030100010100", "hex")],
] as const) {
  t.test(`${what}: the connection is closed, and nothing is said`, async (t) => {
    const socket = await rawConnection(port, bytes);
    if (bytes[0] === 0x16) socket.end();
    t.notMatch((await untilClosed(socket)).toString("latin1"), /S(FATAL|ERROR)/);
  });
}

t.test("half a message is the end of its connection, whatever half it is", async (t) => {
  const startup = startupMessage({ user: "reader", database: "orders" });
  for (let length = 0; length < startup.length; length += 5) {
    const tls = await securedConnection(demo, port);
    tls.end(startup.subarray(0, length));
    await untilClosed(tls);
  }
  await eventually(() => demo.gateway.openSessions === 0);
  t.ok(await connected(t, demo), "the next client is served");
});

t.test("a password message of 1 GB is refused by its length alone", async (t) => {
  const tls = await securedConnection(demo, port);
  tls.write(startupMessage({ user: "reader", database: "orders" }));
  await once(tls, "data");
  tls.write(message("p", Buffer.alloc(0), 1 << 30));
  await untilClosed(tls);
  t.pass("closed");
});

for (const [what, bytes] of [
  ["a length of 1 GB", message("Q", Buffer.alloc(0), 1 << 30)],
  ["a length below its own", message("Q", Buffer.alloc(0), 3)],
  ["a negative length", message("Q", Buffer.alloc(0), -1)],
  ["an unknown type", message("!", Buffer.alloc(4))],
] as const) {
  t.test(`in a session, ${what} is a protocol violation: it ends, the others go on`, async (t) => {
    const other = await connected(t, demo);
    const client = await connected(t, demo);
    const end = ending(client);
    client.connection.stream.write(bytes);
    t.match(await end, { severity: "FATAL", code: "08P01" });
    t.same((await other.query("select 1 as n")).rows, [{ n: 1 }]);
    await eventually(async () =>
      (await auditLines(stateOf(demo))).some(
        (line) => line.type === "session.closed" && line.end === "client_error",
      ),
    );
  });
}

for (const [what, bytes, code] of [
  ["a text that does not end", message("Q", Buffer.from("select 1")), "08P01"],
  ["a text that is not UTF-8", message("Q", Buffer.from("73656c6563742027802700", "hex")), "22021"],
  ["half a Bind", message("B", Buffer.from("\0\0\0\x01\0\0\0\x05\0\0\0\x09", "latin1")), "08P01"],
  ["a Parse with bytes behind it", message("P", Buffer.from("\0select 1\0\0\0more")), "08P01"],
] as const) {
  t.test(`in a session, ${what} is an error, and the session goes on`, async (t) => {
    const client = await connected(t, demo);
    const refused = once(client.connection, "errorMessage");
    const ready = once(client.connection, "readyForQuery");
    client.connection.stream.write(Buffer.concat([bytes, message("S", Buffer.alloc(0))]));
    t.match(await refused, [{ severity: "ERROR", code }]);
    t.match(await ready, [{ status: "I" }]);
  });
}

t.test("a statement that is too large or too deep is refused, and the session goes on", async (t) => {
  const client = await connected(t, demo);
  const large = `select '${"x".repeat(300_000)}'`;
  t.match(await refusal(client.query(large)), { severity: "ERROR", code: "54000", detail: reference });
  const deep = `select ${"(".repeat(20_000)}1${")".repeat(20_000)}`;
  t.match(await refusal(client.query(deep)), {
    severity: "ERROR",
    code: /^(54000|42601)$/,
  });
  t.match(await refusal(client.query("select 1 as a\0b")), { severity: /ERROR|FATAL/ });
});

t.test("a target that is down: 08001, on the log, and a session again when it is back", async (t) => {
  await demo.database.server.crash();
  t.match(await refusedLogin(demo, {}), {
    severity: "FATAL",
    code: "08001",
    message: /"orders" can't be reached/,
  });
  const lines = await auditLines(stateOf(demo));
  const failed = lines.findLast(({ type }) => type === "login.failed");
  t.match(failed, { kind: "unavailable", reason: /^TARGET_UNREACHABLE: / });
  await demo.database.server.start();
  t.same((await (await connected(t, demo)).query("select 1 as n")).rows, [{ n: 1 }]);
});

t.test(
  "a target that accepts and says nothing: 08001 at its connect deadline, at each step of the way",
  async (t) => {
    const config = `${demo.folder}/gatehouse.yaml`;
    const before = await readFile(config, "utf8");
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    t.teardown(() => silent.close());
    const address = silent.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    await writeFile(
      config,
      before
        .replace(/address: localhost:\d+/, `address: localhost:${address.port}`)
        .replace("database: orders", "database: orders\n    connectTimeout: 200ms"),
    );
    t.same(await demo.gateway.reload(), []);
    t.match(await refusedLogin(demo, {}), { severity: "FATAL", code: "08001" });
    silent.on("connection", (socket) => socket.once("data", () => socket.write("S")));
    t.match(await refusedLogin(demo, {}), { severity: "FATAL", code: "08001" });
    await writeFile(config, before);
    t.same(await demo.gateway.reload(), []);
    t.same((await (await connected(t, demo)).query("select 1 as n")).rows, [{ n: 1 }]);
  },
);

t.test("after all of it no session is open, and the database has no backend of the gateway's", async (t) => {
  await eventually(() => demo.gateway.openSessions === 0);
  const superuser = await admin(t, demo);
  await eventually(async () => {
    const { rows } = await superuser.query("select from pg_stat_activity where starts_with(usename, 'gh_')");
    return rows.length === 0;
  });
  t.equal(demo.gateway.openSessions, 0);
});
