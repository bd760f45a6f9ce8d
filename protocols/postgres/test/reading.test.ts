import { serialize } from "pg-protocol";
import t, { type Test } from "tap";
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
await admin.query(`create function act_as(role text) returns text language plpgsql as
  $$ begin perform set_config('role', role, false); return role; end $$`);
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

/* A path that names whoever acts: every schema has a table `t` that says whose it is. */

const OWN = '"$user", public';
await admin.query("create role alice superuser");
for (const owner of ["alice", "postgres"]) {
  await admin.query(`create schema ${owner}`);
  await admin.query(`create table ${owner}.t as select '${owner}' as v`);
}

/** Runs what ends in reading `t`: where from. The command must have said so before. */
async function reads(t: Test, client: RawClient, ...messages: readonly (string | Buffer)[]): Promise<string> {
  client.send(
    ...messages.map((message) => (typeof message === "string" ? serialize.query(message) : message)),
  );
  const frames = await client.until("Z");
  const code = errorIn(frames).get("C");
  if (code !== undefined) return code;
  const owner = firstColumn(frames).at(-1) ?? "";
  const said = owner === "public" || owner === "shown" ? [`${owner}.t`] : [`${owner}.t`, "public.t"];
  t.strictSame(front.gate.commands.at(-1)?.resources, said, String(messages.at(-1)));
  return owner;
}

const SELECT = "select v from t";

t.test("what has set nothing leaves names certain behind the end of a transaction", async (t) => {
  const client = await front.connect({ search_path: OWN });
  for (const end of ["commit", "rollback", "commit and chain", "savepoint s; rollback to s"]) {
    t.equal(await reads(t, client, `begin; select 1; ${end}; ${SELECT}`), "postgres", end);
    await run(client, "rollback");
  }
  await run(client, "begin");
  await run(client, "select 1/0");
  t.equal(await reads(t, client, `rollback; ${SELECT}`), "postgres", "of one that has failed");
  await run(client, "set role alice");
  t.equal(await reads(t, client, `begin; select 1; commit; ${SELECT}`), "alice", "set before it");
  await run(client, "set search_path = shown");
  t.equal(await reads(t, client, `begin; set role postgres; rollback; ${SELECT}`), "shown", "no matter who");
  await run(client, "begin; set local search_path = public");
  t.equal(await reads(t, client, `set role alice; ${SELECT}`), "public", "a path that was set names nobody");
  client.socket.destroy();
});

t.test("names are not certain behind the end of a transaction that may take something back", async (t) => {
  const changes = [
    ...["set role alice", "set local role alice", "set session authorization alice", "reset role"],
    ...["select set_config('role', 'alice', true)", "select set_config('search_path', 'hidden', true)"],
    ...["set local search_path = hidden", "reset all", "reset search_path"],
  ];
  const ends = ["commit", "rollback"];
  for (const change of changes) {
    for (const end of ends) {
      const client = await front.connect({ search_path: OWN });
      t.equal(await reads(t, client, `begin; ${change}; ${end}; ${SELECT}`), "0A000", `${change}; ${end}`);
      await run(client, `begin; savepoint s; ${change}`);
      t.equal(await reads(t, client, `${end}; ${SELECT}`), "0A000", `${change}, then ${end}`);
      t.equal(await reads(t, client, `rollback to s; ${SELECT}`), "0A000", `${change}, then rollback to`);
      await run(client, end);
      const after = await reads(t, client, SELECT);
      t.ok(["postgres", "alice", "public"].includes(after), `${change}, then ${end} alone: ${after}`);
      client.socket.destroy();
    }
  }
  const client = await front.connect({ search_path: OWN });
  await run(client, "begin");
  await run(client, "select public.act_as('alice')");
  t.equal(await reads(t, client, SELECT), "alice");
  t.equal(await reads(t, client, `rollback; ${SELECT}`), "0A000", "set inside a function");
  await run(client, "rollback");
  t.equal(await reads(t, client, `discard all; ${SELECT}`), "0A000");
  t.equal(await reads(t, client, SELECT), "postgres");
  client.socket.destroy();
});

t.test("whoever acts is followed in the middle of a pipeline", async (t) => {
  for (const change of [
    "set session authorization alice",
    "set role alice",
    "select public.act_as('alice')",
  ]) {
    const client = await front.connect({ search_path: OWN });
    t.equal(await reads(t, client, unit(change), unit(SELECT), sync), "alice", change);
    t.equal(await reads(t, client, SELECT), "alice", change);
    t.equal(
      await reads(t, client, unit("begin"), unit("reset role"), unit("rollback"), unit(SELECT), sync),
      "alice",
    );
    client.socket.destroy();
  }
});

t.test("whom a session begins as is asked for", async (t) => {
  const chosen = await front.connect({ search_path: OWN, role: "alice" });
  t.equal(await reads(t, chosen, SELECT), "alice");
  chosen.socket.destroy();
  await admin.query("alter role postgres set role = alice");
  const given = await front.connect({ search_path: OWN });
  await admin.query("alter role postgres reset role");
  t.equal(await reads(t, given, SELECT), "alice");
  given.socket.destroy();
});

t.test("what is run by its name is followed like what stands in the text", async (t) => {
  const client = await front.connect({ search_path: OWN });
  const prepare = (name: string, text: string) => client.send(serialize.parse({ name, text }));
  prepare("path", "set search_path = hidden");
  prepare("back", "set search_path = shown");
  prepare("role", "set role alice");
  prepare("escapes", "set standard_conforming_strings = off");
  await run(client, "prepare act as select set_config('role', 'alice', false)");
  t.equal(await reads(t, client, unit("execute path"), unit(SELECT), sync), "42501", "in a pipeline");
  t.equal(await reads(t, client, unit("execute back"), unit(SELECT), sync), "shown");
  const quoted = unit(String.raw`select '\' || v from t --'`);
  t.equal(await reads(t, client, unit("execute escapes"), quoted, sync), "0A000");
  await run(client, `set search_path = ${OWN}`);
  t.equal(await reads(t, client, SELECT), "postgres");
  await run(client, "begin");
  await run(client, "execute role");
  t.equal(await reads(t, client, SELECT), "alice", "between two texts");
  t.equal(await reads(t, client, `rollback; ${SELECT}`), "0A000", "and taken back by the transaction's end");
  await run(client, "rollback");
  await run(client, "execute act");
  t.equal(await reads(t, client, SELECT), "alice", "SQL's own PREPARE");
  await run(client, "set role none");
  await run(client, "begin; declare c cursor for select set_config('role', 'alice', true)");
  await run(client, "fetch c");
  t.equal(await reads(t, client, SELECT), "alice", "a cursor");
  await run(client, "rollback");
  const declared = "declare c cursor with hold for select set_config('role', 'alice', false)";
  await run(client, `begin; ${declared}`);
  t.equal(await reads(t, client, SELECT), "postgres", "a cursor that has not been read");
  await run(client, "commit");
  t.equal(await reads(t, client, SELECT), "alice", "COMMIT runs a cursor that is held");
  client.socket.destroy();
});

t.test("what is made with a schema for somebody else is looked for as that one", async (t) => {
  const client = await front.connect({ search_path: OWN });
  const text = "create schema theirs authorization alice create view theirs.w as select v from";
  t.equal(await run(client, `${text} t`), "0A000");
  t.strictSame(await run(client, `${text} shown.t`), []);
  t.strictSame(await run(client, "create schema ours create view w as select v from t"), []);
  t.match(front.gate.commands.at(-1)?.facts["reads"], ["ours.t", "postgres.t", "public.t"]);
  t.strictSame(await run(client, "select v from ours.w"), ["postgres"]);
  client.socket.destroy();
});
