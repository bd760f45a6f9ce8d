import { serialize } from "pg-protocol";
import t from "tap";
import { startFrontWithServer } from "./support/front.ts";
import { errorIn, firstColumn, type RawClient } from "./support/raw-client.ts";

/* SQL's own PREPARE, EXECUTE, DECLARE and FETCH, and the protocol's names, which are the same ones at the server. */

const { front, server, admin } = await startFrontWithServer({
  allow: ({ access, facts }) =>
    access !== "unknown" && !JSON.stringify([facts["reads"], facts["writes"]]).includes("secrets"),
});
t.teardown(async () => {
  await admin.end();
  await front.close();
  await server.stop();
});
await admin.query("create table notes (id int primary key, note text)");
await admin.query("insert into notes select i, 'note ' || i from generate_series(1, 10) i");
await admin.query("create table secrets (value text)");
await admin.query("insert into secrets values ('hidden')");

const sync = serialize.sync();

/** Sends a text as a simple query: its rows' first column, or the SQLSTATE of what went wrong. */
async function run(client: RawClient, text: string): Promise<string[] | string> {
  client.send(serialize.query(text));
  const frames = await client.until("Z");
  return errorIn(frames).get("C") ?? firstColumn(frames);
}

function lastCommand() {
  return front.gate.commands.at(-1);
}

t.test("PREPARE and EXECUTE are decided by what they run", async (t) => {
  const client = await front.connect();
  t.strictSame(await run(client, "prepare one(int) as select note from notes where id = $1"), []);
  t.match(lastCommand(), { access: "read", verbs: ["PREPARE", "SELECT"], resources: ["public.notes"] });
  t.strictSame(await run(client, "execute one(3)"), ["note 3"]);
  t.match(lastCommand(), { access: "read", verbs: ["EXECUTE", "SELECT"], resources: ["public.notes"] });
  t.strictSame(await run(client, "prepare two as delete from notes where id = 10"), []);
  t.strictSame(await run(client, "execute two"), []);
  t.match(lastCommand(), { access: "write", verbs: ["EXECUTE", "DELETE"] });
  t.equal(await run(client, "prepare three as select * from secrets"), "42501");
  t.equal(await run(client, "execute three"), "42501", "a name that nothing is known of may be anything");
  t.equal(await run(client, "explain execute nothing"), "42501");
  client.socket.destroy();
});

t.test("a name that is given again means the new statement, to each of the two ways", async (t) => {
  const client = await front.connect();
  await run(client, "prepare s as select note from notes where id = 1");
  client.send(serialize.bind({ statement: "s" }), serialize.execute(), sync);
  t.strictSame(firstColumn(await client.until("Z")), ["note 1"], "prepared in SQL, run by the protocol");
  await run(client, "deallocate s");
  client.send(serialize.parse({ name: "s", text: "select 'p'" }), sync);
  await client.until("Z");
  t.strictSame(await run(client, "execute s"), ["p"], "prepared by the protocol, run in SQL");
  t.match(lastCommand(), { verbs: ["EXECUTE", "SELECT"], resources: [] });
  await run(client, "deallocate all");
  t.equal(await run(client, "execute s"), "42501");
  client.send(serialize.bind({ statement: "s" }), sync);
  t.equal(errorIn(await client.until("Z")).get("C"), "26000");
  client.socket.destroy();
});

t.test(
  "of a text that fails halfway, the server keeps what was prepared before, and so does the gateway",
  async (t) => {
    const client = await front.connect();
    const text = "prepare kept as select 'kept'; select 1/0; prepare lost as select 'lost'";
    t.equal(await run(client, text), "22012");
    t.strictSame(await run(client, "execute kept"), ["kept"]);
    t.equal(await run(client, "execute lost"), "42501");
    t.strictSame(await run(client, "prepare x as select 'in one text'; execute x"), ["in one text"]);
    client.socket.destroy();
  },
);

t.test("a name's fate is waited for before the next text is decided by it", async (t) => {
  const client = await front.connect();
  client.send(
    serialize.query("prepare a as select pg_sleep(0.2)::text || 'a'"),
    serialize.query("execute a"),
    serialize.query("deallocate a"),
    serialize.query("prepare a as select 'again'"),
    serialize.query("execute a"),
  );
  const answers: string[] = [];
  for (let query = 0; query < 5; query++) answers.push(firstColumn(await client.until("Z")).join());
  t.strictSame(answers, ["", "a", "", "", "again"]);
  client.socket.destroy();
});

t.test("a PREPARE that is refused at its Execute gives no name", async (t) => {
  const client = await front.connect();
  client.send(
    serialize.parse({ text: "prepare late as select 'late'" }),
    serialize.bind(),
    serialize.execute(),
    sync,
  );
  t.equal(await client.shape(), "12CZI");
  t.strictSame(await run(client, "execute late"), ["late"]);
  client.send(
    serialize.parse({ text: "prepare never as select * from secrets" }),
    serialize.bind(),
    serialize.execute(),
    sync,
  );
  t.equal(errorIn(await client.until("Z")).get("C"), "42501");
  t.equal(await run(client, "execute never"), "42501");
  client.socket.destroy();
});

t.test("a cursor is decided again at each FETCH", async (t) => {
  const client = await front.connect();
  await run(client, "begin");
  t.strictSame(await run(client, "declare c cursor for select note from notes order by id"), []);
  t.match(lastCommand(), { access: "read", resources: ["public.notes"] });
  t.strictSame(await run(client, "fetch 2 from c"), ["note 1", "note 2"]);
  t.match(lastCommand(), { access: "read", verbs: ["FETCH", "SELECT"], resources: ["public.notes"] });
  t.strictSame(await run(client, "move 1 in c"), []);
  t.strictSame(await run(client, "fetch c"), ["note 4"]);
  t.strictSame(await run(client, "close c"), []);
  t.equal(await run(client, "fetch c"), "42501", "it means nothing any more");
  await run(client, "rollback");
  client.socket.destroy();
});

t.test("a cursor ends with its transaction, unless it holds", async (t) => {
  const client = await front.connect();
  await run(client, "begin");
  await run(client, "declare short cursor for select 1");
  await run(client, "declare long cursor with hold for select note from notes order by id");
  await run(client, "commit");
  t.equal(await run(client, "fetch short"), "42501");
  t.strictSame(await run(client, "fetch long"), ["note 1"]);
  await run(client, "close all");
  t.equal(await run(client, "fetch long"), "42501");
  client.socket.destroy();
});

t.test("FETCH of what a Bind has opened is that command", async (t) => {
  const client = await front.connect();
  await run(client, "begin");
  client.send(
    serialize.parse({ text: "select note from notes where id > $1 order by id" }),
    serialize.bind({ portal: "p", values: ["7"] }),
    sync,
  );
  t.equal(await client.shape(), "12ZT");
  t.strictSame(await run(client, "fetch all from p"), ["note 8", "note 9"]);
  t.match(lastCommand(), { access: "read", resources: ["public.notes"] });
  await run(client, "rollback");
  client.socket.destroy();
});

t.test("DISCARD ALL takes every name away", async (t) => {
  const client = await front.connect();
  await run(client, "prepare d as select 'd'");
  await run(client, "declare h cursor with hold for select 1");
  t.strictSame(await run(client, "discard all"), []);
  t.equal(await run(client, "execute d"), "42501");
  t.equal(await run(client, "fetch h"), "42501");
  await run(client, "prepare d as select 'd again'");
  await run(client, "begin");
  t.equal(await run(client, "discard all"), "25001", "which can't be inside a transaction");
  await run(client, "rollback");
  t.strictSame(await run(client, "execute d"), ["d again"], "so that the name is still there");
  client.socket.destroy();
});

t.test("names longer than the server's are cut as it cuts them", async (t) => {
  const client = await front.connect();
  const long = "n".repeat(70);
  client.send(serialize.parse({ name: long, text: "select 'by the protocol'" }), sync);
  t.equal(await client.shape(), "1ZI");
  t.strictSame(await run(client, `execute ${long}`), ["by the protocol"]);
  client.send(serialize.bind({ statement: `${"n".repeat(63)}other` }), serialize.execute(), sync);
  t.strictSame(firstColumn(await client.until("Z")), ["by the protocol"]);
  client.socket.destroy();
});
