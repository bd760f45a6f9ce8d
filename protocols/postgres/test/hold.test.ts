import { once } from "node:events";
import type { Command } from "@gatehouse/core";
import { serialize } from "pg-protocol";
import t, { type Test } from "tap";
import { encodeCancelRequest } from "../src/codec/startup-packet.ts";
import { eventually } from "./support/eventually.ts";
import { PASSWORD, startFront, startFrontWithServer } from "./support/front.ts";
import {
  errorIn,
  firstColumn,
  letter,
  logIn,
  type RawClient,
  rawSocket,
  securedSocket,
} from "./support/raw-client.ts";

/* A command that waits for people, at the wire: what its client sees, and what the server does meanwhile. */

const { front, server, admin } = await startFrontWithServer({
  settings: { estimate: "explain" },
  hold: ({ text, verbs }: Command) => verbs.includes("DELETE") || text.includes("held"),
  repeat: 50,
});
await admin.query(`create table orders (id int primary key, status text);
  create table others (id int);`);
t.teardown(async () => {
  await admin.end();
  await front.close();
  await server.stop();
});
t.beforeEach(async () => {
  await admin.query(
    "truncate orders, others; insert into orders select n, 'open' from generate_series(1, 10) n",
  );
});
const { gate } = front;
const { query, parse, bind, execute, describe, sync, flush, end } = serialize;

async function left(): Promise<number> {
  return (await admin.query<{ n: number }>("select count(*)::int as n from orders")).rows[0]?.n ?? -1;
}

async function waiting() {
  await eventually(() => gate.waiting.length > 0);
  const [held] = gate.waiting;
  if (!held) throw new Error("nothing waits");
  return held;
}

/** The next answer that is no notice. */
async function answer(client: RawClient): Promise<string> {
  for (;;) {
    const frame = await client.next();
    if (frame === undefined) return "end";
    if (letter(frame) !== "N") return letter(frame);
  }
}

function shapeOf(frames: Awaited<ReturnType<RawClient["until"]>>): string {
  return frames
    .map(letter)
    .filter((letter) => letter !== "N")
    .join("");
}

const extended = (text: string, values: string[] = []) => [
  parse({ text }),
  bind({ values }),
  describe({ type: "P" }),
  execute({}),
];

t.test("a simple query waits, says so, and is run once when it is approved", async (t) => {
  const client = await front.connect();
  client.send(query("delete from orders where id = 1"));
  const held = await waiting();
  const notice = (await client.until("N")).at(-1);
  if (!notice) throw new Error("no notice");
  t.match(
    [...errorIn([{ ...notice, type: "E".charCodeAt(0) }])],
    [
      ["S", "NOTICE"],
      ["V", "NOTICE"],
      ["C", "00000"],
      ["M", "It waits."],
      ["D", "For you."],
      ["H", "Say yes."],
    ],
  );
  await client.until("N");
  t.equal(await left(), 10, "it is said again and again, and nothing is run");
  held.approve();
  t.equal(shapeOf(await client.until("Z")), "CZ");
  t.equal(await left(), 9);
  await eventually(() => gate.events.some((event) => event.type === "outcome" && event.outcome === "done"));
  client.socket.destroy();
});

t.test("a refusal is an error at its place, and the session goes on", async (t) => {
  const client = await front.connect();
  client.send(query("delete from orders"));
  (await waiting()).deny();
  const frames = await client.until("Z");
  t.equal(shapeOf(frames), "EZ");
  t.equal(errorIn(frames).get("C"), "42501");
  t.equal(await left(), 10);
  client.send(query("select 1 as one"));
  t.equal(shapeOf(await client.until("Z")), "TDCZ");
  client.socket.destroy();
});

t.test("what was sent before is answered while it waits, what comes behind waits too", async (t) => {
  const client = await front.connect();
  client.send(
    ...extended("insert into others values ($1)", ["1"]),
    ...extended("delete from orders where id = $1", ["2"]),
    ...extended("insert into others values ($1)", ["2"]),
    sync(),
  );
  const held = await waiting();
  t.same(
    [await answer(client), await answer(client), await answer(client), await answer(client)],
    ["1", "2", "n", "C"],
  );
  await eventually(() => held.surroundings.transaction !== undefined && held.surroundings.rows !== undefined);
  t.match(held.surroundings, {
    transaction: { failed: false, locks: [{ on: "public.others", mode: "ROW EXCLUSIVE" }] },
    rows: 1,
  });
  t.same(held.command.parameters, ["2"]);
  held.approve();
  t.equal(shapeOf(await client.until("Z")), "12nC12nCZ");
  t.equal(await left(), 9);
  t.equal((await admin.query("select from others")).rowCount, 2);
  client.socket.destroy();
});

t.test("where a command before it fails, it is not run, and nobody's yes is of use", async (t) => {
  const client = await front.connect();
  client.send(
    ...extended("select pg_sleep(0.2), 1 / (random() * 0)::int"),
    ...extended("delete from orders where id = $1", ["2"]),
    sync(),
  );
  const frames = await client.until("Z");
  t.equal(shapeOf(frames), "12TEZ");
  t.match(gate.events.filter(({ type }) => type === "gone").at(-1), { why: "overtaken" });
  t.equal(gate.waiting.length, 0);
  t.equal(await left(), 10);
  client.socket.destroy();
});

t.test("to prepare is not to run: it waits when it is executed, each time", async (t) => {
  const client = await front.connect();
  client.send(
    parse({ name: "gone", text: "delete from orders where id = $1" }),
    describe({ type: "S", name: "gone" }),
    sync(),
  );
  t.equal(shapeOf(await client.until("Z")), "1tnZ");
  for (const id of ["3", "4"]) {
    client.send(bind({ statement: "gone", values: [id] }), execute({}), sync());
    const held = await waiting();
    t.same(held.command.parameters, [id]);
    held.approve();
    t.equal(shapeOf(await client.until("Z")), "2CZ");
  }
  t.equal(await left(), 8);
  client.socket.destroy();
});

t.test("more rows of an answer that was let through are more of the same answer", async (t) => {
  const client = await front.connect();
  client.send(
    query("begin"),
    parse({ text: "select id from orders -- held" }),
    bind({ portal: "p" }),
    execute({ portal: "p", rows: 4 }),
    flush(),
  );
  await client.until("Z");
  (await waiting()).approve();
  t.equal(shapeOf(await client.until("s")), "12DDDDs");
  client.send(execute({ portal: "p", rows: 4 }), execute({ portal: "p", rows: 4 }), sync());
  t.equal(shapeOf(await client.until("Z")), "DDDDsDDCZ");
  client.socket.destroy();
});

t.test("SQL's EXECUTE waits with the text that it runs", async (t) => {
  const client = await front.connect();
  client.send(query("prepare d as select 1 as held"));
  (await waiting()).approve();
  await client.until("Z");
  client.send(query("execute d"));
  t.equal(shapeOf(await client.until("Z")), "TDCZ", "its own text says nothing of what is held");
  client.send(query("prepare e(int) as delete from orders where id = $1"));
  (await waiting()).approve();
  await client.until("Z");
  client.send(query("execute e(5)"));
  const held = await waiting();
  t.same(held.command.runs, ["prepare e(int) as delete from orders where id = $1"]);
  held.approve();
  t.equal(shapeOf(await client.until("Z")), "CZ");
  client.socket.destroy();
});

async function opened() {
  const { client, key } = await logIn(
    await securedSocket(front.port, front.ca),
    { user: "reader", database: "orders" },
    PASSWORD,
  );
  if (!key) throw new Error("no key");
  return { client, key };
}

t.test("a cancel takes it back, and leaves what runs before it alone to the server", async (t) => {
  const { client, key } = await opened();
  const cancel = async () => {
    const socket = await rawSocket(front.port);
    socket.resume().write(encodeCancelRequest(key.processId, key.secretKey));
    if (!socket.closed) await once(socket, "close");
  };
  client.send(query("delete from orders"));
  await waiting();
  await cancel();
  t.equal(shapeOf(await client.until("Z")), "EZ");
  t.match(gate.events.filter(({ type }) => type === "gone").at(-1), { why: "canceled" });
  t.equal(gate.waiting.length, 0);

  client.send(...extended("select pg_sleep(600)"), ...extended("delete from orders"), sync());
  await waiting();
  await eventually(async () => {
    const running =
      "select from pg_stat_activity where query like 'select pg_sleep(600)' and state = 'active'";
    return (await admin.query(running)).rowCount === 1;
  });
  await cancel();
  const frames = await client.until("Z");
  t.equal(shapeOf(frames), "12TEZ");
  t.equal(errorIn(frames).get("C"), "57014");
  t.equal(gate.waiting.length, 0);
  t.equal(await left(), 10);
  client.socket.destroy();
});

const LEAVING: readonly (readonly [string, (client: RawClient) => void])[] = [
  ["closes", (client) => client.socket.destroy()],
  ["half-closes", (client) => client.socket.end()],
  ["says goodbye", (client) => client.send(end())],
  ["says goodbye behind other messages", (client) => client.send(query("select 1"), sync(), end())],
];
for (const [how, leave] of LEAVING) {
  t.test(`a client that ${how} takes it back`, async (t) => {
    const { length } = gate.events;
    const client = await front.connect();
    client.send(query("insert into others values (7)"), query("delete from orders"));
    await waiting();
    leave(client);
    await eventually(() => gate.open === 0);
    t.match(
      gate.events.slice(length).filter(({ type }) => type === "gone"),
      [{ why: "client_gone" }],
    );
    t.equal(gate.waiting.length, 0);
    t.equal(await left(), 10);
    t.equal((await admin.query("select from others")).rowCount, 1, "what came before is done");
    client.socket.destroy();
  });
}

t.test("a goodbye in the same packet, or cut in pieces, is seen as well", async (t) => {
  const client = await front.connect();
  client.send(query("delete from orders"), query("select 1"), end());
  await eventually(() => gate.open === 0);
  const other = await front.connect();
  other.send(query("delete from orders"));
  await waiting();
  for (const byte of Buffer.concat([query("select 'a piece of a message'"), end()])) {
    other.socket.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  await eventually(() => gate.open === 0);
  t.equal(await left(), 10);
  client.socket.destroy();
  other.socket.destroy();
});

t.test(
  "a client that sends without an end behind it is not read on from, and is answered in order",
  async (t) => {
    const client = await front.connect();
    client.send(query("delete from orders where id = 1"));
    const held = await waiting();
    const many = Buffer.concat(
      Array.from({ length: 5000 }, (_, n) => query(`select ${n} as n, '${"x".repeat(100)}'`)),
    );
    client.socket.write(many);
    const size = many.length;
    await eventually(() => client.socket.writableLength > 0 || size < 100_000);
    held.approve();
    t.equal(shapeOf(await client.until("Z")), "CZ");
    for (let n = 0; n < 5000; n++) {
      const [first] = firstColumn(await client.until("Z"));
      if (first !== String(n)) t.equal(first, String(n));
    }
    client.socket.destroy();
  },
);

t.test("what a command would do is looked at again when its wait has ended", async (t) => {
  const client = await front.connect();
  client.send(query("delete from orders where id = 1"));
  const held = await waiting();
  // What comes behind can't get in front: neither another search path, nor another statement of that name.
  client.send(query("set search_path to elsewhere"), query("select current_setting('search_path')"));
  held.approve();
  t.equal(shapeOf(await client.until("Z")), "CZ");
  await client.until("Z");
  t.same(firstColumn(await client.until("Z")), ["elsewhere"]);
  t.equal(await left(), 9);
  client.socket.destroy();
});

t.test(
  "that it waits is said once, also where the end of its wait has to wait for the catalog",
  async (t) => {
    const quiet = await startFront({
      address: server,
      password: server.superuser.password,
      settings: { catalog: "read" },
      hold: ({ verbs }: Command) => verbs.includes("DELETE"),
    });
    t.teardown(() => quiet.close());
    const [client, other] = [await quiet.connect(), await quiet.connect()];
    client.send(query("delete from orders where id = 1"));
    const [notice] = await client.until("N");
    t.ok(notice);
    other.send(query("create temp table another ()"));
    await other.until("Z");
    quiet.gate.waiting[0]?.approve();
    t.same((await client.until("Z")).map(letter), ["C", "Z"]);
    for (const { socket } of [client, other]) socket.destroy();
  },
);

t.test("the gateway ends a session whose command waits", async (t) => {
  const client = await front.connect();
  client.send(query("delete from orders"));
  await waiting();
  gate.endAll();
  const frames = await client.toEnd();
  t.equal(errorIn(frames.filter((frame) => letter(frame) === "E")).get("C"), "57P01");
  await eventually(() => gate.open === 0);
  t.match(gate.events.filter(({ type }) => type === "gone").at(-1), { why: "session_ended" });
  t.equal(await left(), 10);
});

t.test("a target that goes away while a command waits ends the session, and the wait", async (t) => {
  const client = await front.connect();
  client.send(query("begin"), query("delete from orders"));
  await waiting();
  await admin.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction'",
  );
  await eventually(() => gate.open === 0);
  t.equal(gate.waiting.length, 0);
  client.socket.destroy();
});

t.test("nobody can tell what became of a command whose target went away while it ran", async (t) => {
  const { length } = gate.events;
  const client = await front.connect();
  client.send(query("select pg_sleep(600), 'held'"));
  (await waiting()).approve();
  const pid =
    "select pid from pg_stat_activity where query like '%sleep(600), ''held''%' and state = 'active' and pid <> pg_backend_pid()";
  await eventually(async () => (await admin.query(pid)).rowCount === 1);
  client.socket.destroy();
  await eventually(() => gate.open === 0);
  t.match(
    gate.events.slice(length).filter(({ type }) => type === "outcome"),
    [{ outcome: "in_doubt" }],
  );
});

t.test("a session that was reset reads as one that is new; one that acts as another does not", async (t) => {
  const fingerprintBehind = async (text: string) => {
    const client = await front.connect();
    client.send(query(text));
    await client.until("Z");
    client.send(query("delete from orders"));
    const held = await waiting();
    held.deny();
    await client.until("Z");
    client.socket.destroy();
    return held.command.fingerprint?.("command");
  };
  const fresh = await fingerprintBehind("select 1");
  // As asyncpg's pool does.
  const reset = "select pg_advisory_unlock_all(); close all; unlisten *; reset all;";
  for (const text of [reset, "discard all", "begin; reset all; commit"])
    t.equal(await fingerprintBehind(text), fresh);
  for (const text of ["set role pg_read_all_data", "set search_path to elsewhere"])
    t.not(await fingerprintBehind(text), fresh);
});

async function reasonOf(t: Test, text: string, options?: string): Promise<string | undefined> {
  const client = await front.connect(options === undefined ? {} : { options });
  client.send(query(text));
  const held = await waiting();
  const { reason } = held.command;
  held.deny();
  t.equal(shapeOf(await client.until("Z")), "EZ");
  client.socket.destroy();
  return reason;
}

t.test("a client says why in a comment, or for all of its session", async (t) => {
  t.equal(
    await reasonOf(t, "/* reason: INC-1: the customer asked */ delete from orders"),
    "INC-1: the customer asked",
  );
  t.equal(await reasonOf(t, "delete from orders -- reason: INC-2"), "INC-2");
  t.equal(await reasonOf(t, "delete from orders /* reason: INC-3 */;"), "INC-3");
  t.equal(await reasonOf(t, "delete from orders where status = '/* reason: x */'"), undefined);
  t.equal(await reasonOf(t, "delete from orders", "-c gatehouse.reason=INC-4\\ again"), "INC-4 again");
});
