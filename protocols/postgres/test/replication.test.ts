import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "@gatehouse/testkit";
import pg from "pg";
import { serialize } from "pg-protocol";
import t from "tap";
import type { Mask } from "@gatehouse/core";
import { eventually } from "./support/eventually.ts";
import { PASSWORD, startFront } from "./support/front.ts";
import { maskOf } from "./support/masking.ts";
import { errorIn, firstColumn, letter, logIn, type RawClient, securedSocket } from "./support/raw-client.ts";

/* Connections for replication: who gets one, and what a walsender's commands come to. */

const folder = await mkdtemp(join(tmpdir(), "gatehouse-replication-"));
await chmod(folder, 0o755);
const hba = join(folder, "pg_hba.conf");
await writeFile(hba, "host all,replication all 127.0.0.1/32 scram-sha-256\n");
const server = await startPostgres({ settings: { wal_level: "logical", hba_file: hba } });
const admin = new pg.Client({
  host: server.host,
  port: server.port,
  database: "postgres",
  ...server.superuser,
});
await admin.connect();
await admin.query("create table news (id int primary key, line text)");
await admin.query("create table hidden (line text)");
await admin.query("create publication news for table news");
const behind = { address: server, password: server.superuser.password };
const granted = await startFront({
  ...behind,
  replication: true,
  allow: ({ text }) => !/hidden|BASE_BACKUP/.test(text),
});
const ordinary = await startFront(behind);
let masks: readonly Mask[] = [];
const masked = await startFront({ ...behind, replication: true, masks: () => masks });
t.teardown(async () => {
  await granted.close();
  await ordinary.close();
  await masked.close();
  await admin.end();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const { query, copyData, copyDone, sync } = serialize;
const logical = () => granted.connect({ replication: "database" });
const physical = () => granted.connect({ replication: "true" });

/** What a walsender says when its client has had enough: data and keepalives that were on their way may come too. */
const STOPPED = /^d*cd*C+Z$/;

/** The first column of what is answered, or the SQLSTATE of what went wrong. */
async function run(client: RawClient, text: string): Promise<string[] | string> {
  client.send(query(text));
  const frames = await client.until("Z");
  return errorIn(frames).get("C") ?? firstColumn(frames);
}

/** Reads up to the WAL data (XLogData) that hold this text. */
async function streamed(client: RawClient, text: string): Promise<void> {
  for (;;) {
    const frame = await client.next();
    if (frame === undefined) throw new Error("the connection was closed");
    if (letter(frame) === "d" && frame.body.toString("latin1", 0, 1) === "w" && frame.body.includes(text))
      return;
  }
}

/** A standby status update. @param position up to which all is said to be flushed, as `16/B374D848` */
function status(position: string): Buffer {
  const [high = "", low = ""] = position.split("/");
  const body = Buffer.alloc(34);
  body.write("r");
  for (const at of [1, 9, 17]) {
    body.writeUInt32BE(Number.parseInt(high, 16), at);
    body.writeUInt32BE(Number.parseInt(low, 16), at + 4);
  }
  return copyData(body);
}

t.test("a level that does not grant it opens none, of either kind", async (t) => {
  for (const replication of ["database", "true", "on", "1"]) {
    const me = { user: "reader", database: "orders", replication };
    const { frames } = await logIn(await securedSocket(ordinary.port, ordinary.ca), me, PASSWORD);
    const fields = errorIn(frames);
    t.match(
      [fields.get("S"), fields.get("C"), fields.get("M")],
      ["FATAL", "28000", /"reader" opens no replication/],
    );
    t.notOk(
      frames.some((frame) => letter(frame) === "Z"),
      "it never gets that far",
    );
  }
  const refusals = ordinary.gate.events.filter(({ type }) => type === "refused");
  t.match(
    refusals,
    Array(4).fill({ refused: { text: /^replication=(logical|physical)$/ } }),
    "it is on the log",
  );
  const { rows } = await admin.query("select from pg_stat_activity where backend_type = 'walsender'");
  t.equal(rows.length, 0);
  for (const replication of ["false", "off", "0"]) {
    const client = await ordinary.connect({ replication });
    t.strictSame(await run(client, "select 1"), ["1"], `${replication} is an ordinary connection`);
    client.socket.destroy();
  }
});

t.test("where something is masked, by column or by detector, none is opened", async (t) => {
  for (const mask of [
    maskOf(["public.news.line"], { kind: "redact" }),
    maskOf([], { kind: "redact" }, { detect: ["email"] }),
  ]) {
    masks = [mask];
    for (const replication of ["database", "true"]) {
      const me = { user: "reader", database: "orders", replication };
      const { frames } = await logIn(await securedSocket(masked.port, masked.ca), me, PASSWORD);
      const fields = errorIn(frames);
      t.match([fields.get("S"), fields.get("C"), fields.get("M")], ["FATAL", "42501", /replication sends/]);
    }
    const client = await masked.connect();
    client.socket.destroy();
  }
});

t.test("where a mask comes later, nothing is streamed any more", async (t) => {
  masks = [];
  const client = await masked.connect({ replication: "database" });
  t.strictSame(await run(client, "select count(*) from news"), ["0"]);
  masks = [maskOf([], { kind: "redact" }, { detect: ["email"] })];
  for (const text of ["START_REPLICATION SLOT news LOGICAL 0/0", "BASE_BACKUP"]) {
    t.equal(await run(client, text), "42501", text);
  }
  client.socket.destroy();
});

t.test("SQL on a connection for logical replication is decided like any other", async (t) => {
  const client = await logical();
  t.strictSame(await run(client, "select count(*) from news"), ["0"]);
  t.match(granted.gate.commands.at(-1), { access: "read", resources: ["public.news"] });
  t.equal(await run(client, "select line from hidden"), "42501");
  t.strictSame(await run(client, "select 'still there'"), ["still there"]);
  client.send(serialize.parse({ text: "select 1" }), serialize.bind(), serialize.execute(), sync());
  t.equal(errorIn(await client.until("Z")).get("C"), "08P01", "a walsender speaks no extended protocol");
  t.strictSame(await run(client, "select 'in step'"), ["in step"]);
  client.socket.destroy();
});

t.test("on one for physical replication there is no SQL", async (t) => {
  const client = await physical();
  for (const text of ["select 1", "begin", "drop table news", "identify_system", ""])
    t.equal(await run(client, text), "0A000", text);
  t.match(await run(client, "SHOW data_directory"), [/\/data$/]);
  t.match(granted.gate.commands.at(-1), { verbs: ["SHOW"], access: "read" });
  t.match(await run(client, "SHOW search_path"), [/^"?public"?$/]);
  client.socket.destroy();
});

t.test("a walsender's commands are decided, each as what it may do", async (t) => {
  for (const connect of [logical, physical]) {
    const client = await connect();
    const [systemId] = await run(client, "IDENTIFY_SYSTEM");
    t.match(systemId, /^\d+$/);
    t.match(granted.gate.commands.at(-1), { verbs: ["IDENTIFY_SYSTEM"], access: "read" });
    t.equal(await run(client, "BASE_BACKUP"), "42501");
    t.match(granted.gate.commands.at(-1), { verbs: ["BASE_BACKUP"], access: "admin" });
    t.match(await run(client, "IDENTIFY_SYSTEM"), [systemId], "and the session goes on");
    client.socket.destroy();
  }
});

t.test("logical replication: changes come, the client's word of them goes back, and it stops", async (t) => {
  const client = await logical();
  t.strictSame(await run(client, "CREATE_REPLICATION_SLOT news LOGICAL pgoutput NOEXPORT_SNAPSHOT"), [
    "news",
  ]);
  t.match(granted.gate.commands.at(-1), { verbs: ["CREATE_REPLICATION_SLOT"], access: "admin" });
  client.send(query("START_REPLICATION SLOT news LOGICAL 0/0 (proto_version '1', publication_names 'news')"));
  t.equal((await client.until("W")).map(letter).join(""), "W");
  t.match(granted.gate.commands.at(-1), { verbs: ["START_REPLICATION"], access: "admin" });

  await admin.query("insert into news values (1, 'the first line')");
  await streamed(client, "the first line");
  const { rows } = await admin.query<{ now: string }>("select pg_current_wal_flush_lsn()::text as now");
  const now = rows[0]?.now ?? "";
  client.send(status(now));
  const taken = "select from pg_replication_slots where slot_name = 'news' and confirmed_flush_lsn = $1";
  await eventually(async () => (await admin.query(taken, [now])).rows.length === 1);

  await admin.query("insert into news select i, 'line ' || i from generate_series(2, 1000) i");
  await streamed(client, "line 1000");

  client.send(copyDone());
  const last = await client.until("Z");
  t.match(last.map(letter).join(""), STOPPED);
  t.strictSame(await run(client, "select count(*) from news"), ["1000"], "SQL again");
  t.equal(await run(client, "select line from hidden"), "42501", "and it is decided");
  t.strictSame(await run(client, "DROP_REPLICATION_SLOT news WAIT"), []);
  client.socket.destroy();
});

t.test("physical replication: the log comes as it is written, and it stops", async (t) => {
  const client = await physical();
  t.strictSame(await run(client, "CREATE_REPLICATION_SLOT copy PHYSICAL RESERVE_WAL"), ["copy"]);
  client.send(query("IDENTIFY_SYSTEM"));
  const row = (await client.until("Z")).find((frame) => letter(frame) === "D");
  const position = /[0-9A-F]+\/[0-9A-F]+/.exec(row?.body.toString("latin1") ?? "")?.[0] ?? "";
  client.send(query(`START_REPLICATION SLOT copy PHYSICAL ${position} TIMELINE 1`));
  await client.until("W");
  await admin.query("insert into news values (2000, 'physically there')");
  await streamed(client, "physically there");
  client.send(status(position));
  const taken = "select from pg_replication_slots where slot_name = 'copy' and restart_lsn = $1";
  await eventually(async () => (await admin.query(taken, [position])).rows.length === 1);
  client.send(copyDone());
  t.match((await client.until("Z")).map(letter).join(""), STOPPED);
  t.strictSame(await run(client, "DROP_REPLICATION_SLOT copy"), []);
  client.socket.destroy();
});

t.test("a stream that a client leaves, by its goodbye or without, leaves nothing behind", async (t) => {
  const slots = "select from pg_replication_slots";
  for (const leave of [
    (client: RawClient) => client.send(serialize.end()),
    (client: RawClient) => client.socket.destroy(),
  ]) {
    const client = await logical();
    await run(client, "CREATE_REPLICATION_SLOT left TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT");
    client.send(
      query("START_REPLICATION SLOT left LOGICAL 0/0 (proto_version '1', publication_names 'news')"),
    );
    await client.until("W");
    leave(client);
    await granted.gate.until((events) => events.at(-1)?.type === "closed");
    t.match(granted.gate.events.at(-1), { end: "client_closed" });
    await eventually(async () => (await admin.query(slots)).rows.length === 0);
  }
});

t.test("what is no data ends a stream, and nothing of it reaches the server", async (t) => {
  const client = await logical();
  await run(client, "CREATE_REPLICATION_SLOT ended TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT");
  client.send(
    query("START_REPLICATION SLOT ended LOGICAL 0/0 (proto_version '1', publication_names 'news')"),
  );
  await client.until("W");
  const decided = granted.gate.commands.length;
  client.send(query("drop table news"));
  t.equal(errorIn(await client.toEnd()).get("C"), "08P01");
  t.equal(granted.gate.commands.length, decided);
  t.equal((await admin.query("select from news limit 1")).rows.length, 1);
});
