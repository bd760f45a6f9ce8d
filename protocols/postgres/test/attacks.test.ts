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
  allow: ({ facts }) => facts["access"] === "read" || String(facts["text"]).includes("allowed"),
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
  t.equal(errorIn(await client.until("Z")).get("C"), "54000", "the second could be read in two ways");
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

t.test("who has not logged in when the listener closes is not waited for", async (t) => {
  const socket = connect(front.port, "127.0.0.1");
  socket.write(encodeSslRequest());
  await once(socket, "data");
  const closed = once(socket, "close");
  await front.close();
  await closed;
  t.ok(socket.destroyed);
});
