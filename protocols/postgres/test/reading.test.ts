import { serialize } from "pg-protocol";
import t from "tap";
import { startFrontWithServer } from "./support/front.ts";
import { errorIn, firstColumn, letter, type RawClient } from "./support/raw-client.ts";

/* Settings that decide how a text is read: the analysis and the server must never disagree in silence. */

const { front, server, admin } = await startFrontWithServer({
  allow: ({ facts }) => !JSON.stringify([facts["reads"], facts["writes"]]).includes("hidden"),
});
t.teardown(async () => {
  await admin.end();
  await front.close();
  await server.stop();
});
await admin.query("create schema hidden");
await admin.query("create schema shown");
await admin.query("create table hidden.t as select 'hidden' as v");
await admin.query("create table shown.t as select 'shown' as v");
await admin.query("create table public.t as select 'public' as v");
await admin.query(`create function change_path(path text) returns text language plpgsql as
  $$ begin perform set_config('search_path', path, false); return path; end $$`);
await admin.query(`create function change_strings() returns void language plpgsql as
  $$ begin perform set_config('standard_conforming_strings', 'off', false); end $$`);

const sync = serialize.sync();

async function run(client: RawClient, text: string | Buffer): Promise<string[] | string> {
  client.send(typeof text === "string" ? serialize.query(text) : text);
  const frames = await client.until("Z");
  return errorIn(frames).get("C") ?? firstColumn(frames);
}

/** The letters of the messages up to ReadyForQuery; settings that are reported on the way are left out. */
async function shape(client: RawClient): Promise<string> {
  return (await client.shape()).replaceAll("S", "");
}

/** One unit of the extended protocol, without its Sync. */
function unit(text: string): Buffer {
  return Buffer.concat([serialize.parse({ text }), serialize.bind(), serialize.execute()]);
}

t.test("the search path is followed, whoever changes it", async (t) => {
  const client = await front.connect();
  t.strictSame(await run(client, "select v from t"), ["public"]);
  t.strictSame(await run(client, "set search_path = shown"), []);
  t.strictSame(await run(client, "select v from t"), ["shown"]);
  t.match(front.gate.commands.at(-1), { resources: ["shown.t"] });
  t.strictSame(await run(client, "set search_path = hidden"), []);
  t.equal(await run(client, "select v from t"), "42501", "SET");
  await run(client, "reset search_path");
  t.strictSame(await run(client, "select v from t"), ["public"]);
  await run(client, "select set_config('search_path', 'hid' || 'den', false)");
  t.equal(await run(client, "select v from t"), "42501", "set_config of what is no literal");
  await run(client, "select public.change_path('shown')");
  t.strictSame(await run(client, "select v from t"), ["shown"]);
  await run(client, "select public.change_path('hidden')");
  t.equal(await run(client, "select v from t"), "42501", "inside a function");
  await run(client, "do $$ begin perform set_config('search_path', 'shown, hidden', false); end $$");
  t.equal(await run(client, "select v from t"), "42501", "any of several");
  client.socket.destroy();
});

t.test("what a transaction's end takes back is followed too", async (t) => {
  const client = await front.connect();
  await run(client, "set search_path = hidden");
  await run(client, "begin");
  await run(client, "set search_path = shown");
  t.strictSame(await run(client, "select v from t"), ["shown"]);
  await run(client, "rollback");
  t.equal(await run(client, "select v from t"), "42501", "ROLLBACK");
  await run(client, "begin");
  await run(client, "set local search_path = shown");
  t.strictSame(await run(client, "select v from t"), ["shown"]);
  await run(client, "commit");
  t.equal(await run(client, "select v from t"), "42501", "SET LOCAL");
  await run(client, "begin");
  await run(client, "savepoint s");
  await run(client, "set search_path = shown");
  await run(client, "rollback to s");
  t.equal(await run(client, "select v from t"), "42501", "ROLLBACK TO");
  await run(client, "rollback");
  await run(client, "begin");
  await run(client, "set search_path = shown");
  t.equal(await run(client, "select 1/0"), "22012");
  t.equal(
    await run(client, "rollback; select v from t"),
    "0A000",
    "a failed transaction's end has to stand alone",
  );
  await run(client, "rollback");
  t.equal(await run(client, "select v from t"), "42501");
  client.socket.destroy();
});

t.test("in the middle of a pipeline, the server is asked, and the client does not see it", async (t) => {
  const client = await front.connect();
  client.send(unit("select public.change_path('shown')"), unit("select v from t"), sync);
  t.equal(await shape(client), "12DC12DCZI");
  client.send(unit("select public.change_path('hidden')"), unit("select v from t"), unit("select 1"), sync);
  const frames = await client.until("Z");
  t.equal(frames.map(letter).join("").replaceAll("S", ""), "12DCEZ");
  t.equal(errorIn(frames).get("C"), "42501");
  client.send(
    unit("select public.change_path('shown'), 1/(random() * 0)::int"),
    unit("select v from t"),
    sync,
  );
  t.equal(await shape(client), "12EZI", "where the server skips, so does the gateway");
  await run(client, "begin isolation level serializable");
  client.send(unit("set search_path = shown"), unit("set transaction isolation level repeatable read"), sync);
  t.equal(await shape(client), "12C12CZT", "asking is no query: the transaction has not begun to read");
  await run(client, "rollback");
  client.socket.destroy();
});

t.test("a portal keeps the names that it was opened with; a prepared statement does not", async (t) => {
  const client = await front.connect();
  await run(client, "begin");
  await run(client, "set search_path = shown");
  client.send(
    serialize.parse({ name: "s", text: "select v from t" }),
    serialize.bind({ statement: "s", portal: "p" }),
    sync,
  );
  t.equal(await shape(client), "12ZT");
  await run(client, "set search_path = hidden");
  client.send(serialize.execute({ portal: "p" }), sync);
  t.strictSame(firstColumn(await client.until("Z")), ["shown"]);
  client.send(serialize.bind({ statement: "s" }), serialize.execute(), sync);
  t.equal(errorIn(await client.until("Z")).get("C"), "42501");
  await run(client, "rollback");
  await run(client, "set search_path = shown");
  await run(client, "prepare q as select v from t");
  await run(client, "set search_path = hidden");
  t.equal(await run(client, "execute q"), "42501");
  client.socket.destroy();
});

t.test("a text with backslashes is not guessed at while they are escapes in plain strings", async (t) => {
  const client = await front.connect();
  await run(client, "set standard_conforming_strings = off");
  t.strictSame(await run(client, "select v from t where v = 'public'"), ["public"]);
  t.equal(await run(client, String.raw`select '\' || v from hidden.t --'`), "0A000");
  await run(client, "reset standard_conforming_strings");
  t.strictSame(await run(client, String.raw`select 'a\' || v from t`), [String.raw`a\public`]);
  await run(client, "select public.change_strings()");
  t.equal(await run(client, String.raw`select '\'`), "0A000", "set inside a function");
  client.send(
    unit("set standard_conforming_strings = on"),
    unit("select public.change_strings()"),
    unit(String.raw`select '\'`),
    sync,
  );
  t.equal(errorIn(await client.until("Z")).get("C"), "0A000", "in a pipeline");
  client.socket.destroy();
});

t.test("a client's own encoding is read as the server reads it", async (t) => {
  const client = await front.connect();
  await run(client, "set client_encoding = 'LATIN1'");
  const query = (text: string) => {
    const body = Buffer.from(`${text}\0`, "latin1");
    const head = Buffer.from([0x51, 0, 0, 0, body.length + 4]);
    return Buffer.concat([head, body]);
  };
  client.send(query("select 'größe', length('größe')"));
  const row = (await client.until("Z")).find((frame) => letter(frame) === "D");
  t.match(row?.body.toString("latin1"), /größe/);
  t.equal(front.gate.commands.at(-1)?.text, "select 'größe', length('größe')");
  await run(client, query("set client_encoding = 'UTF8'"));
  t.strictSame(await run(client, "select length('größe')"), ["5"]);
  t.equal(await run(client, "set client_encoding = 'SJIS'"), "0A000");
  client.socket.destroy();
});

t.test("start-up settings hold from the first text on", async (t) => {
  const shown = await front.connect({ search_path: "shown" });
  t.strictSame(await run(shown, "select v from t"), ["shown"]);
  shown.socket.destroy();
  const hidden = await front.connect({ options: "-c search_path=hidden" });
  t.equal(await run(hidden, "select v from t"), "42501");
  hidden.socket.destroy();
  const latin = await front.connect({ client_encoding: "LATIN1" });
  t.strictSame(await run(latin, "show client_encoding"), ["LATIN1"]);
  latin.socket.destroy();
});
