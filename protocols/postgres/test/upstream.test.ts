import { createAuthority } from "@gatehouse/certs";
import { startPostgres } from "@gatehouse/testkit";
import pg from "pg";
import t, { type Test } from "tap";
import { eventually } from "./support/eventually.ts";
import { type FrontOptions, startFront } from "./support/front.ts";
import { errorIn, logIn, securedSocket } from "./support/raw-client.ts";
import { fakeServer } from "./support/target.ts";

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

t.test("a target with verified TLS and SCRAM is used", async (t) => {
  const { frames, end } = await attempt({ tls: "own-ca", authority });
  t.equal(frames.at(-1)?.type, "Z".charCodeAt(0));
  t.equal(end, "client_closed");
});

t.test("why a target can't be used is the operator's to know", async (t) => {
  const other = await createAuthority({ name: "other CA", now });
  await refused(t, { tls: "own-ca", authority: other }, /did not prove who it is/);
  await refused(t, { tls: "own-ca", authority, password: "wrong" }, /password authentication failed/);
  await refused(t, { address: { host: "127.0.0.1", port: 1 } }, /can't be reached: .*ECONNREFUSED/);
  const easy = await fakeServer(t, (socket) => {
    socket.write(Buffer.from("R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I", "latin1"));
  });
  await refused(t, { address: easy }, /without asking/);
});

t.test(
  "a target that reads texts in a way that the gateway can't is refused, and its connection closed",
  async (t) => {
    await admin.query(`create role odd login password 'odd'`);
    await admin.query("alter role odd set client_encoding = JOHAB");
    await refused(t, { tls: "own-ca", authority, user: "odd", password: "odd" }, /JOHAB/);
    await eventually(async () => {
      const { rows } = await admin.query("select 1 from pg_stat_activity where usename = 'odd'");
      return rows.length === 0;
    });
  },
);

t.test("a role's own search path does not become the session's", async (t) => {
  await admin.query(`create role wanderer login password 'w'`);
  await admin.query("alter role wanderer set search_path = evil, public");
  const options = { tls: "own-ca", authority, user: "wanderer", password: "w" } as const;
  const front = await startFront({ address: { host: "localhost", port: server.port }, ...options });
  const client = front.pg();
  await client.connect();
  const show = async () =>
    (await client.query<{ search_path: string }>("show search_path")).rows[0]?.search_path;
  t.equal(await show(), "public");
  await client.query("reset all");
  t.equal(await show(), "public");
  await client.query("discard all");
  t.equal(await show(), "public");
  await client.end();
  await front.close();
});
