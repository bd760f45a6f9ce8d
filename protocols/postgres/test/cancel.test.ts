import { once } from "node:events";
import { connect } from "node:net";
import { serialize } from "pg-protocol";
import t, { type Test } from "tap";
import type { BackendKey } from "../src/codec/backend-key-data.ts";
import { encodeCancelRequest } from "../src/codec/startup-packet.ts";
import { eventually } from "./support/eventually.ts";
import { type FrontOptions, PASSWORD, startFront, startFrontWithServer } from "./support/front.ts";
import {
  errorIn,
  firstColumn,
  logIn,
  type RawClient,
  rawSocket,
  securedSocket,
} from "./support/raw-client.ts";
import { fakeServer } from "./support/target.ts";

const { front, server, admin } = await startFrontWithServer();
t.teardown(async () => {
  await admin.end();
  await front.close();
  await server.stop();
});
const ME = { user: "reader", database: "orders" };
const { query } = serialize;

/** Somebody who is logged in, and the key that cancels what they run. */
interface Session {
  readonly name: string;
  readonly client: RawClient;
  readonly key: BackendKey;
}

/** @param minor the version of the protocol: 0 for a short key, 2 for a long one */
async function open(name: string, minor: number, { port, ca } = front): Promise<Session> {
  const version = { major: 3, minor };
  const { client, key } = await logIn(await securedSocket(port, ca), ME, PASSWORD, version);
  if (key === undefined) throw new Error("a session without a key");
  return { name, client, key };
}

/** Presents a key, and waits for the connection's end as libpq does. */
async function cancel({ processId, secretKey }: BackendKey, over = rawSocket, port = front.port) {
  const socket = await over(port);
  socket.resume().write(encodeCancelRequest(processId, secretKey));
  if (!socket.closed) await once(socket, "close");
}

const overTls = (port: number) => securedSocket(port, front.ca);

async function run({ client }: Session, text: string): Promise<string[] | string> {
  client.send(query(text));
  const frames = await client.until("Z");
  return errorIn(frames).get("C") ?? firstColumn(frames);
}

async function active(pattern: string): Promise<number> {
  const text = "select from pg_stat_activity where query like $1 and state = 'active'";
  return (await admin.query(text, [pattern])).rows.length;
}

const TURNS = 400;
/** Cancels that each turn brings. */
const RIGHT = 5;
const WRONG = 20;
const FORGERS = 8;
const NO_KEY: BackendKey = { processId: 0, secretKey: Buffer.alloc(0) };

function flipped(secretKey: Buffer, n: number): Buffer {
  const other = Buffer.from(secretKey);
  const at = Math.trunc(n / 8) % other.length;
  other[at] = (other[at] ?? 0) ^ (1 << (n % 8));
  return other;
}

t.test("10,000 cancels under load: each hits its own session, and a wrong key none", async (t) => {
  const many = (kind: string, count: number) =>
    Promise.all(Array.from({ length: count }, (_, n) => open(`${kind}${n}`, n % 2 === 0 ? 0 : 2)));
  const [victims, bystanders, sleepers, gone] = [
    await many("victim", 10),
    await many("bystander", 10),
    await many("sleeper", 10),
    await many("gone", 10),
  ];
  for (const { client } of gone) client.socket.destroy();
  await eventually(() => front.gate.open === 30);
  for (const { name, client } of sleepers) client.send(query(`select pg_sleep(600), '${name}'`));
  await eventually(async () => (await active("%'sleeper_'")) === 10);

  let presented = 0;
  const wrong: string[] = [];
  const load = { on: true };

  /** Cancelled in every other of its statements, by several cancels at once. */
  async function victim(session: Session, turns: number): Promise<void> {
    const { name, client, key } = session;
    for (let turn = 0; turn < turns; turn++) {
      const mark = `${name}.${turn}`;
      const answer = await run(session, `select '${mark}'`);
      if (String(answer) !== mark) wrong.push(`${mark}: ${String(answer)}`);
      client.send(query(`select pg_sleep(600), '${mark}'`));
      const statement = { runs: true };
      const cancelled = client.until("Z").then((frames) => {
        statement.runs = false;
        if (errorIn(frames).get("C") !== "57014") wrong.push(`${mark} was not cancelled`);
      });
      // One that the server has before the statement is lost, as it is without a gateway.
      while (statement.runs) {
        const over = turn % 10 === 0 ? overTls : rawSocket;
        await Promise.all(Array.from({ length: RIGHT }, () => cancel(key, over)));
        presented += RIGHT;
      }
      await cancelled;
    }
  }

  /** Nobody has its key: what it asks for is answered. */
  async function bystander(session: Session): Promise<void> {
    for (let turn = 0; load.on; turn++) {
      const mark = `${session.name}.${turn}`;
      const answer = await run(session, `select '${mark}' from pg_sleep(0.001)`);
      if (String(answer) !== mark) wrong.push(`${mark}: ${String(answer)}`);
    }
  }

  const all = [...victims, ...bystanders, ...sleepers];
  const at = (list: readonly Session[], n: number) => list[n % list.length]?.key ?? NO_KEY;
  /** Keys that are nobody's, near to those that are somebody's. */
  const forgeries: readonly ((n: number) => BackendKey)[] = [
    (n) => ({ ...at(all, n), secretKey: at(all, n + 1).secretKey }),
    (n) => ({ ...at(all, n), secretKey: at(all, n + 2).secretKey }),
    (n) => ({ ...at(all, n), secretKey: flipped(at(all, n).secretKey, n) }),
    (n) => ({ ...at(all, n), secretKey: at(all, n).secretKey.subarray(0, n % 4) }),
    (n) => ({ ...at(all, n), secretKey: Buffer.concat([at(all, n).secretKey, Buffer.alloc(1 + (n % 8))]) }),
    (n) => ({ ...at(all, n), processId: at(all, n + 1).processId }),
    (n) => ({ ...at(all, n), processId: (n * 7919) % 0x7fff_ffff }),
    (n) => at(gone, n),
  ];
  async function forger(first: number): Promise<void> {
    for (let n = first; n < TURNS * WRONG; n += FORGERS) {
      const forge = forgeries[n % forgeries.length];
      if (forge) await cancel(forge(Math.trunc(n / forgeries.length)), n % 50 === 0 ? overTls : rawSocket);
      presented++;
    }
  }

  const watching = bystanders.map(bystander);
  await Promise.all([
    ...victims.map((session) => victim(session, TURNS / victims.length)),
    ...Array.from({ length: FORGERS }, (_, first) => forger(first)),
  ]);
  load.on = false;
  await Promise.all(watching);
  t.ok(presented >= TURNS * (RIGHT + WRONG), `${presented} cancels`);
  t.strictSame(wrong, []);

  for (const [done, { name, client, key }] of sleepers.entries()) {
    t.equal(await active("%'sleeper_'"), 10 - done, "the others sleep on");
    await cancel(key);
    t.equal(errorIn(await client.until("Z")).get("C"), "57014", name);
  }
  for (const { client } of all) client.socket.destroy();
});

t.test("a cancel that comes while nothing runs does nothing to what runs next", async (t) => {
  const session = await open("idle", 2);
  for (let n = 0; n < 100; n++) {
    await cancel(session.key, n % 10 === 0 ? overTls : rawSocket);
    t.strictSame(await run(session, `select ${n}`), [String(n)]);
  }
  session.client.socket.destroy();
});

t.test("a cancel reaches what runs, whatever waits behind it", async (t) => {
  await admin.query("create function own() returns text language sql as $$ select pg_sleep(600)::text $$");
  const behind: Readonly<Record<string, readonly Buffer[]>> = {
    "a name that it gives": [query("select pg_sleep(600); prepare late as select 1"), query("execute late")],
    "how texts are read after it": [query("select own()"), query("select 1")],
    "a prepared statement of an older segment": [
      serialize.parse({ name: "older", text: "select pg_sleep(600)" }),
      serialize.bind({ statement: "older" }),
      serialize.execute(),
      serialize.sync(),
      serialize.bind({ statement: "older", portal: "p" }),
      serialize.sync(),
    ],
    "more than is read ahead": [
      query("select pg_sleep(600)"),
      ...Array.from({ length: 100 }, () => query(`select '${"x".repeat(60_000)}'`)),
    ],
  };
  for (const [what, messages] of Object.entries(behind)) {
    const session = await open("waiting", 0);
    session.client.send(...messages);
    await eventually(async () => (await active("%")) === 2);
    await cancel(session.key);
    t.equal(errorIn(await session.client.until("Z")).get("C"), "57014", what);
    session.client.socket.destroy();
    await eventually(() => front.gate.open === 0);
    await eventually(async () => (await active("%")) === 1);
  }
});

/** A front whose way to the server is watched: the texts and the cancels that come by, in order. */
async function watchedFront(t: Test, options: FrontOptions) {
  const seen: string[] = [];
  const address = await fakeServer(t, (gateway) => {
    const target = connect({ host: server.host, port: server.port });
    target.on("error", () => gateway.destroy());
    gateway.pipe(target).pipe(gateway);
    gateway.on("data", (chunk: Buffer) => {
      if (chunk.length === 16 && chunk.readInt32BE(4) === 80877102) seen.push("cancel");
      else seen.push(...(chunk.toString("latin1").match(/select \w+/g) ?? []));
    });
  });
  const watched = await startFront({ ...options, address, password: server.superuser.password });
  t.teardown(() => watched.close());
  return { watched, seen };
}

t.test("a cancel of a statement that is still being decided goes out behind it", async (t) => {
  let release: () => void = () => undefined;
  const writing = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { watched, seen } = await watchedFront(t, {
    written: ({ text }) => (text.includes("pg_sleep") ? writing : Promise.resolve()),
  });
  const session = await open("undecided", 2, watched);
  session.client.send(query("select pg_sleep(600)"));
  await watched.gate.until(() => watched.gate.commands.length === 1);
  const cancelled = cancel(session.key, rawSocket, watched.port);
  // Who comes after the cancel is served: by then, the gateway has it.
  const later = await open("later", 0, watched);
  t.strictSame(await run(later, "select something_else from (select 1 as something_else) s"), ["1"]);
  t.strictSame(seen, ["select something_else", "select 1"], "and nothing went out");
  release();
  await cancelled;
  t.strictSame(seen.slice(2), ["select pg_sleep", "cancel"]);
  for (const { client } of [session, later]) client.socket.destroy();
  await eventually(async () => (await active("select pg_sleep%")) === 0);
});

t.test("where nothing runs, the target is not bothered with it", async (t) => {
  const { watched, seen } = await watchedFront(t, {});
  const session = await open("idle", 2, watched);
  await cancel(session.key, rawSocket, watched.port);
  await cancel({ ...session.key, secretKey: Buffer.alloc(32) }, rawSocket, watched.port);
  t.strictSame(await run(session, "select 7"), ["7"]);
  t.strictSame(seen, ["select 7"]);
  session.client.socket.destroy();
});
