import { once } from "node:events";
import { connect } from "node:net";
import { serialize } from "pg-protocol";
import t from "tap";
import { frame } from "../src/codec/framing.ts";
import { encodeSslRequest } from "../src/codec/startup-packet.ts";
import { startFrontWithServer } from "./support/front.ts";
import { errorIn, firstColumn, letter } from "./support/raw-client.ts";

// Ways round the gateway that somebody has found; each was open once.
const { front, server, admin } = await startFrontWithServer({
  allow: ({ facts, text }) => facts["access"] === "read" || text.includes("allowed"),
});
t.teardown(async () => {
  await admin.end();
  await server.stop();
});
await admin.query(`
  create table notes (id int primary key, note text);
  insert into notes values (1, 'kept'), (2, 'kept');
  create schema evil;
  create function sneak() returns void language plpgsql as
    $$ begin perform set_config('search_path', 'evil', false); end $$;
  create function wipe(int) returns int language sql security definer as $$ delete from notes; select 1 $$`);
const query = serialize.query;
const notes = async () => (await admin.query<{ n: number }>("select count(*)::int as n from notes")).rows;

t.test("quoting that was changed by a value that only looks like `on` is followed", async (t) => {
  const client = await front.connect();
  client.send(
    query("select set_config('standard_conforming_strings', '1'::numeric(3,-1)::text, false)"),
    query("select '\\' , '; delete from notes; --'"),
  );
  await client.until("Z");
  t.equal(errorIn(await client.until("Z")).get("C"), "0A000", "the second could be read in two ways");
  t.same(await notes(), [{ n: 2 }]);
  client.socket.destroy();
});

t.test("a function is not called as if it were a field", async (t) => {
  const client = await front.connect();
  for (const text of ["select (2).wipe", "select ($1::int).wipe", "select ((select 2)).wipe"]) {
    client.send(query(text));
    t.equal(errorIn(await client.until("Z")).get("C"), "42501", text);
  }
  t.same(await notes(), [{ n: 2 }]);
  client.socket.destroy();
});

t.test("two names that are one to the server are not two to the gateway", async (t) => {
  const client = await front.connect();
  const long = "n".repeat(63);
  // By hand: the oracle warns of such names.
  client.send(frame("P", Buffer.from(`${long}y\0/* allowed */ delete from notes\0\0\0`)), serialize.sync());
  t.equal(await client.shape(), "1ZI");
  client.send(frame("P", Buffer.from(`${long}z\0select 1\0\0\0`)), serialize.sync());
  t.equal(errorIn(await client.until("Z")).get("C"), "42P05", "the second Parse is of the same name");
  client.send(frame("B", Buffer.from(`\0${long}z\0\0\0\0\0\0\0`)), serialize.execute({}), serialize.sync());
  await client.until("Z");
  t.match(front.gate.commands.at(-1), { verbs: ["DELETE"] }, "and what is decided is what is run");
  await admin.query("insert into notes values (1, 'kept'), (2, 'kept')");
  client.socket.destroy();
});

t.test("FETCH of what a Bind has put into a portal is decided as that", async (t) => {
  const client = await front.connect();
  client.send(query("begin"));
  await client.until("Z");
  const text = "/* allowed */ update notes set note = 'changed' where id = $1 returning id";
  client.send(
    serialize.parse({ text, types: [] }),
    serialize.bind({ portal: "p", values: ["1"] }),
    serialize.sync(),
  );
  await client.until("Z");
  client.send(query("fetch all from p"));
  t.equal(errorIn(await client.until("Z")).get("C"), "42501");
  t.match(front.gate.commands.at(-1), { access: "write", verbs: ["FETCH", "UPDATE"] });
  client.socket.destroy();
});

t.test("a setting that a function has changed behind the gateway's back is found out", async (t) => {
  const client = await front.connect();
  client.send(query("/* allowed */ select sneak()"), query("select note from notes"));
  await client.until("Z");
  t.equal(errorIn(await client.until("Z")).get("C"), "42P01");
  t.match(front.gate.commands.at(-1), { resources: ["evil.notes"] });
  client.socket.destroy();
});

t.test("EXECUTE of what is an EXECUTE itself leads nowhere, and not for ever", async (t) => {
  const client = await front.connect();
  client.send(serialize.parse({ name: "a", text: "/* allowed */ execute a" }), serialize.sync());
  await client.until("Z");
  client.send(query("execute a"));
  t.equal(errorIn(await client.until("Z")).get("C"), "42501", "what it runs is not known");
  const levels = Array.from({ length: 60 }, (_, level) =>
    serialize.parse({
      name: `s${level}`,
      text: `/* allowed */ execute s${level - 1}; execute s${level - 1}`,
    }),
  );
  client.send(serialize.parse({ name: "s-1", text: "select 1" }), ...levels, serialize.sync());
  await client.until("Z");
  client.socket.destroy();
});

t.test("an error of many megabytes passes whole, and the next refusal is still the next one's", async (t) => {
  const client = await front.connect();
  client.send(query("select repeat('x', 8000000)::int"), query("drop table notes"), query("select 1"));
  const large = await client.until("Z");
  t.ok(large.some((message) => letter(message) === "E" && message.bytes.length > 8_000_000));
  t.equal(errorIn(await client.until("Z")).get("C"), "42501");
  t.strictSame(firstColumn(await client.until("Z")), ["1"]);
  client.socket.destroy();
});

t.test("a client that sends and does not read is served when it does", async (t) => {
  const client = await front.connect();
  const count = 50_000;
  client.send(...Array.from({ length: count }, () => serialize.sync()), query("select 7"));
  let ready = 0;
  while (ready < count) ready += (await client.until("Z")).length;
  t.strictSame(firstColumn(await client.until("Z")), ["7"]);
  client.socket.destroy();
});

t.test("closing names that were never given costs nothing, and is answered", async (t) => {
  const client = await front.connect();
  const closes = Array.from({ length: 20_000 }, (_, index) =>
    serialize.close({ type: "S", name: `s${index}` }),
  );
  client.send(...closes, serialize.sync());
  t.equal((await client.until("Z")).length, 20_001);
  client.socket.destroy();
});

t.test("comments in comments are refused before they keep the parser busy", async (t) => {
  const client = await front.connect();
  client.send(query(`${"/*".repeat(20_000)}${"*/".repeat(20_000)}select 1`), query("select 2"));
  t.equal(errorIn(await client.until("Z")).get("C"), "54000");
  t.strictSame(firstColumn(await client.until("Z")), ["2"]);
  client.socket.destroy();
});

t.test("a half-sent CopyData does not swallow the messages behind it", async (t) => {
  const client = await front.connect();
  const late = "select 1/(case when pg_sleep(0.3) is null then 1 else 0 end)";
  client.send(serialize.parse({ text: late }), serialize.bind({}), serialize.execute({}));
  const hidden = Buffer.concat([serialize.sync(), query("drop table notes")]);
  const parse = serialize.parse({ text: "select $1::bytea is null" });
  const bind = serialize.bind({ values: [hidden] });
  const swallowed = serialize.sync().length + parse.length + bind.indexOf(hidden);
  const begun = Buffer.alloc(15, "x");
  begun.write("d");
  begun.writeInt32BE(begun.length - 1 + swallowed, 1);
  client.send(begun);
  t.equal(errorIn(await client.until("E")).get("C"), "22012");
  client.send(
    Buffer.alloc(swallowed, "x"),
    serialize.sync(),
    parse,
    bind,
    serialize.execute({}),
    serialize.sync(),
  );
  await client.until("Z");
  t.strictSame(firstColumn(await client.until("Z")), ["f"]);
  t.same(await notes(), [{ n: 2 }]);
  client.socket.destroy();
});

t.test("what a segment's end takes back of the search path is followed", async (t) => {
  const scratch =
    "create schema if not exists scratch; create or replace view scratch.notes as select 'scratch' as note";
  await admin.query(scratch);
  const unit = (text: string) =>
    Buffer.concat([serialize.parse({ text }), serialize.bind({}), serialize.execute({})]);
  for (const segment of [
    [unit("select set_config('search_path', 'scratch', true)"), unit("select 1"), serialize.sync()],
    [unit("select set_config('search_path', 'scratch', true)"), unit("select 1"), query("select 2")],
  ]) {
    const client = await front.connect();
    client.send(...segment, query("select note from notes"), query("select 'end'"));
    const answers: string[][] = [];
    while (answers.at(-1)?.at(-1) !== "end") answers.push(firstColumn(await client.until("Z")));
    // Up to version 17 a simple query ends what is open of a segment, from 18 on it does not.
    const read = answers.at(-2)?.[0] === "scratch" ? "scratch.notes" : "public.notes";
    t.match(front.gate.commands.at(-2), { resources: [read] }, "what was decided is what was read");
    client.socket.destroy();
  }
});

t.test(
  "taking all names back again and again costs nothing; names are bounded, whoever gives them",
  async (t) => {
    const client = await front.connect();
    const prepares = (from: number) =>
      Array.from({ length: 1000 }, (_, index) => `prepare n${from + index} as select 1`).join(";");
    for (let from = 0; from < 9000; from += 1000) {
      client.send(query(`/* allowed */ ${prepares(from)}`));
      await client.until("Z");
    }
    client.send(query(`/* allowed */ ${prepares(9000)}`));
    t.equal(errorIn(await client.until("Z")).get("C"), "54000");
    const before = process.memoryUsage().heapUsed;
    client.send(query(`/* allowed */ ${"deallocate all;".repeat(2000)}`));
    await client.until("Z");
    t.ok(
      process.memoryUsage().heapUsed - before < 200_000_000,
      "an entry for each name, not for each and each",
    );
    client.socket.destroy();
  },
);

t.test("a name is what it is in the client's encoding, and no other", async (t) => {
  const client = await front.connect();
  client.send(query("set client_encoding = 'LATIN1'"));
  await client.until("Z");
  const latin1 = (letter: string, text: string) => frame(letter, Buffer.from(text, "latin1"));
  // To the server these two bytes are another name than the one letter which they would be in UTF-8.
  const name = Buffer.from("é").toString("latin1");
  client.send(latin1("P", `${name}\0/* allowed */ delete from notes\0\0\0`), serialize.sync());
  t.equal(await client.shape(), "1ZI");
  client.send(latin1("Q", 'prepare "é" as select 1\0'));
  await client.until("Z");
  client.send(latin1("B", `\0${name}\0\0\0\0\0\0\0`), serialize.sync());
  await client.until("Z");
  t.match(front.gate.commands.at(-1), { kind: "bind", verbs: ["DELETE"] });
  client.socket.destroy();
});

t.test("a path of more schemas than anybody has is not followed", async (t) => {
  const client = await front.connect();
  const schemas = Array.from({ length: 100 }, (_, index) => `s${index}`);
  client.send(query(`set search_path = ${schemas.join(", ")}`));
  t.equal(errorIn(await client.toEnd()).get("S"), "FATAL");
});

t.test("who has not logged in when the listener closes is not waited for", async (t) => {
  const socket = connect(front.port, "127.0.0.1");
  socket.write(encodeSslRequest());
  await once(socket, "data");
  const closed = once(socket, "close");
  await front.close();
  await closed;
  t.ok(socket.destroyed);
});
