import { ByteWriter } from "@gatehouse/wire";
import { serialize } from "pg-protocol";
import t from "tap";
import { frame } from "../src/codec/framing.ts";
import { encodeFunctionCall } from "../src/codec/function-call.ts";
import { letter, errorIn, firstColumn } from "./support/raw-client.ts";
import { startFrontWithServer } from "./support/front.ts";

const { front, server, admin } = await startFrontWithServer({
  allow: ({ facts, text }) => !text.includes("secret") && facts["access"] !== "unknown",
});
t.teardown(async () => {
  await admin.end();
  await front.close();
  await server.stop();
});
await admin.query("create table notes (id int primary key, note text)");
await admin.query("create table secrets (value text)");

const parse = (text: string, name = "") => serialize.parse({ name, text });
const bind = (statement = "", portal = "", values: unknown[] = []) =>
  serialize.bind({ statement, portal, values });
const execute = (portal = "", rows = 0) => serialize.execute({ portal, rows });
const sync = serialize.sync();
const run = (text: string) => [parse(text), bind(), serialize.describe({ type: "P" }), execute()];

t.test("a pipeline with a refusal in the middle keeps its order, and skips to the Sync", async (t) => {
  const client = await front.connect();
  client.send(
    ...run("select 1"),
    ...run("select 2"),
    ...run("select * from secrets"),
    ...run("select 3"),
    sync,
    ...run("select 4"),
    sync,
  );
  const first = await client.until("Z");
  t.equal(first.map(letter).join(""), "12TDC12TDCEZ");
  t.strictSame(firstColumn(first), ["1", "2"]);
  t.equal(errorIn(first).get("C"), "42501");
  t.match(errorIn(first).get("D"), /^Reference: ref_/);
  const second = await client.until("Z");
  t.strictSame(firstColumn(second), ["4"], "what stands behind the Sync is answered");
  client.socket.destroy();
});

t.test("a refusal undoes the implicit transaction of its pipeline, as any error would", async (t) => {
  const client = await front.connect();
  client.send(...run("insert into notes values (1, 'a')"), ...run("select * from secrets"), sync);
  t.equal(await client.shape(), "12nC" + "EZI");
  const { rows } = await admin.query("select * from notes");
  t.strictSame(rows, []);
  client.socket.destroy();
});

t.test("a refusal in a transaction fails the transaction, and ROLLBACK ends it", async (t) => {
  const client = await front.connect();
  client.send(serialize.query("begin"));
  t.equal(await client.shape(), "CZT");
  client.send(serialize.query("select * from secrets"));
  t.equal(await client.shape(), "EZE");
  client.send(serialize.query("select 1"));
  const failed = await client.until("Z");
  t.equal(errorIn(failed).get("C"), "25P02", "the state is the server's own");
  client.send(serialize.query("rollback"));
  t.equal(await client.shape(), "CZI");
  client.send(serialize.query("select 1"));
  t.equal(await client.shape(), "TDCZI");
  client.socket.destroy();
});

t.test("several statements in one text are refused as one: none of them runs", async (t) => {
  const client = await front.connect();
  client.send(serialize.query("insert into notes values (2, 'b'); select * from secrets"));
  t.equal(await client.shape(), "EZI");
  const { rows } = await admin.query("select * from notes");
  t.strictSame(rows, []);
  client.send(serialize.query("select 1; select 2"));
  t.equal(await client.shape(), "TDCTDCZI");
  client.socket.destroy();
});

t.test("a syntax error is PostgreSQL's own, with its place", async (t) => {
  for (const text of ["select 'é' frm x y", "selekt 1", "select 'öffen", "select (1"]) {
    const direct = await admin.query(text).catch((error: unknown) => error);
    const client = await front.connect();
    client.send(serialize.query(text));
    const frames = await client.until("Z");
    const fields = errorIn(frames);
    const { code, message, position } = direct as { code: string; message: string; position: string };
    t.equal(fields.get("C"), code, text);
    t.equal(fields.get("M"), message, text);
    t.equal(fields.get("P"), position, text);
    client.socket.destroy();
  }
});

t.test("a statement's name that stands never runs under another text's decision", async (t) => {
  const client = await front.connect();
  const before = front.gate.commands.length;
  client.send(parse("select 'first'", "s"), sync, parse("select 'second'", "s"), sync);
  t.equal(await client.shape(), "1ZI");
  const again = await client.until("Z");
  t.equal(errorIn(again).get("C"), "42P05");
  client.send(bind("s"), execute(), sync);
  t.strictSame(firstColumn(await client.until("Z")), ["first"]);
  t.equal(front.gate.commands.at(-1)?.text, "select 'first'", "decided by what the server has");
  t.equal(front.gate.commands.length, before + 3);
  client.socket.destroy();
});

t.test("in one pipeline, a Bind behind a failed Parse of the same name is not run", async (t) => {
  const client = await front.connect();
  client.send(parse("select 'first'", "s"), sync);
  t.equal(await client.shape(), "1ZI");
  client.send(parse("select 'second'", "s"), bind("s"), execute(), sync, bind("s"), execute(), sync);
  t.equal(await client.shape(), "EZI");
  t.strictSame(firstColumn(await client.until("Z")), ["first"]);
  t.equal(front.gate.commands.at(-1)?.text, "select 'first'");
  client.socket.destroy();
});

t.test("a name that was closed, deallocated or discarded is free again", async (t) => {
  const client = await front.connect();
  const ends = [
    [serialize.close({ type: "S", name: "s" }), sync],
    [serialize.query("deallocate s")],
    [serialize.query("deallocate all")],
    [serialize.query("discard all")],
  ];
  for (const [index, end] of ends.entries()) {
    client.send(parse(`select ${index}`, "s"), sync, ...end);
    t.equal(await client.shape(), "1ZI");
    await client.until("Z");
    client.send(bind("s"), execute(), sync);
    t.equal(errorIn(await client.until("Z")).get("C"), "26000", "it means nothing any more");
  }
  client.send(parse("select 'new'", "s"), bind("s"), execute(), sync);
  t.strictSame(firstColumn(await client.until("Z")), ["new"]);
  client.socket.destroy();
});

t.test("a portal is fetched in parts, each decided, and ends with its transaction", async (t) => {
  const client = await front.connect();
  const before = front.gate.commands.length;
  client.send(
    serialize.query("begin"),
    parse("select generate_series(1, 5)"),
    bind("", "p"),
    execute("p", 2),
    serialize.flush(),
  );
  await client.until("Z");
  t.equal((await client.until("s")).map(letter).join(""), "12DDs");
  client.send(execute("p", 2), execute("p", 2), sync);
  t.equal(await client.shape(), "DDsDCZT");
  t.equal(front.gate.commands.length, before + 4);
  client.send(serialize.query("commit"));
  t.equal(await client.shape(), "CZI");
  client.send(execute("p"), sync);
  t.equal(errorIn(await client.until("Z")).get("M"), 'portal "p" does not exist');
  client.socket.destroy();
});

t.test("Describe of a statement, Flush, and a Parse alone are answered", async (t) => {
  const client = await front.connect();
  client.send(parse("select $1::int", "s"), serialize.describe({ type: "S", name: "s" }), serialize.flush());
  t.equal((await client.until("T")).map(letter).join(""), "1tT");
  client.send(serialize.describe({ type: "S", name: "s" }), sync);
  t.equal(await client.shape(), "tTZI");
  client.send(serialize.describe({ type: "S", name: "nobody" }), sync);
  t.equal(await client.shape(), "EZI");
  client.send(sync, sync);
  t.equal((await client.shape()) + (await client.shape()), "ZIZI");
  client.socket.destroy();
});

t.test("many Describes of one statement are not hoarded", async (t) => {
  const client = await front.connect();
  const describes = Array.from({ length: 2000 }, () => serialize.describe({ type: "S", name: "s" }));
  client.send(parse("select 1", "s"), ...describes, serialize.flush());
  let answers = 0;
  while (answers < 1900) answers += (await client.until("T")).filter((f) => letter(f) === "T").length;
  t.pass("they were answered before anything completed their unit");
  client.socket.destroy();
});

t.test("a function call is a command like any other", async (t) => {
  const client = await front.connect();
  // lo_creat(-1), in binary: a large object.
  const call = new ByteWriter().uint32(957).int16(1).int16(1).int16(1).int32(4).int32(-1).int16(1);
  client.send(frame("F", call.toBuffer()));
  t.equal(await client.shape(), "VZI");
  t.match(front.gate.commands.at(-1), {
    kind: "function-call",
    verbs: ["FUNCTION CALL"],
    access: "write",
    text: "pg_catalog.lo_creat($1)",
    parameters: ["\\xffffffff"],
  });
  client.send(encodeFunctionCall(1234));
  const frames = await client.until("Z");
  t.equal(errorIn(frames).get("C"), "42501", "what it would do is not known");
  client.send(serialize.query("select 1"));
  t.equal(await client.shape(), "TDCZI");
  client.socket.destroy();
});

t.test("an empty text, a comment alone and a semicolon alone pass", async (t) => {
  const client = await front.connect();
  for (const text of ["", " ", ";", "-- nothing", "/* nothing */;"]) {
    client.send(serialize.query(text));
    t.equal(await client.shape(), "IZI", JSON.stringify(text));
  }
  client.send(...run(""), sync);
  t.equal(await client.shape(), "12nIZI");
  client.socket.destroy();
});

t.test("an error that comes with the Sync itself does not put the answers out of step", async (t) => {
  await admin.query("create table later (a int unique deferrable initially deferred)");
  const client = await front.connect();
  client.send(...run("insert into later values (1), (1)"), sync, ...run("select 1"), sync);
  t.equal(await client.shape(), "12nCEZI");
  t.equal(await client.shape(), "12TDCZI");
  client.socket.destroy();
});
