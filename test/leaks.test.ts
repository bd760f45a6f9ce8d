import { once } from "node:events";
import t, { type Test } from "tap";
import {
  admin,
  auditLines,
  connected,
  demoFor,
  ending,
  eventually,
  refusal,
  refusedLogin,
  stateOf,
} from "./environment.ts";
import { message, rawConnection, RawSession, SSL_REQUEST } from "./raw.ts";

const demo = await demoFor(t);
const port = Number(demo.variables["PGPORT"]);
const superuser = await admin(t, demo);

const openSockets = () =>
  process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap" || name === "TLSWrap").length;

/** Those of sessions: the gateway's own connection, by which it reads the catalog, stays for a minute. */
async function backends(): Promise<number> {
  const { rows } = await superuser.query("select from pg_stat_activity where starts_with(usename, 'gh_')");
  return rows.length;
}

/** Ways in which a session comes to its end. */
const ENDS: Readonly<Record<string, (t: Test) => Promise<void>>> = {
  "the client says goodbye": async (t) => {
    const client = await connected(t, demo);
    await client.query("select 1");
    await client.end();
  },
  "the client vanishes while it is idle": async () => {
    (await RawSession.open(demo, port)).socket.destroy();
  },
  "the client vanishes in a transaction": async () => {
    const session = await RawSession.open(demo, port);
    session.socket.write(message("Q", Buffer.from("begin\0")));
    await session.answers(1);
    session.socket.destroy();
  },
  "the client vanishes while its statement runs": async () => {
    const session = await RawSession.open(demo, port);
    session.socket.write(message("Q", Buffer.from("select pg_sleep(3600)\0")));
    await eventually(async () => {
      const { rows } = await superuser.query(
        "select from pg_stat_activity where query like 'select pg_sleep%'",
      );
      return rows.length > 0;
    });
    session.socket.destroy();
  },
  "the client vanishes while it does not read its rows": async () => {
    const session = await RawSession.open(demo, port);
    session.socket.pause();
    session.socket.write(
      message("Q", Buffer.from("select repeat('x', 1000) from generate_series(1, 100000)\0")),
    );
    await eventually(async () => {
      const { rows } = await superuser.query("select from pg_stat_activity where wait_event = 'ClientWrite'");
      return rows.length > 0;
    });
    session.socket.destroy();
  },
  "the client stops in the middle of a message": async () => {
    const session = await RawSession.open(demo, port);
    session.socket.end(message("Q", Buffer.from("select"), 100));
    await once(session.socket, "close");
  },
  "the client breaks the protocol": async () => {
    const session = await RawSession.open(demo, port);
    session.socket.write(message("!", Buffer.alloc(0)));
    await once(session.socket, "close");
  },
  "the log-in is refused": async () => {
    await refusedLogin(demo, { password: "hunter2" });
  },
  "the client goes before its password": async () => {
    const socket = await rawConnection(port, SSL_REQUEST);
    await once(socket, "data");
    socket.destroy();
  },
  "the target ends the session": async (t) => {
    const client = await connected(t, demo);
    const end = ending(client);
    await superuser.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where starts_with(usename, 'gh_')",
    );
    t.match(await end, { code: "57P01" });
  },
  "the client cancels": async (t) => {
    const client = await connected(t, demo);
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    const sleeping = refusal(client.query("select pg_sleep(3600)"));
    await eventually(async () => {
      const { rows } = await superuser.query(
        "select from pg_stat_activity where query like 'select pg_sleep%'",
      );
      return rows.length > 0;
    });
    const cancel = Buffer.alloc(16);
    for (const [index, word] of [16, 80877102, processID, secretKey].entries())
      cancel.writeInt32BE(word, index * 4);
    const socket = await rawConnection(port, cancel);
    t.match(await sleeping, { code: "57014" });
    t.same((await client.query("select 1 as n")).rows, [{ n: 1 }], "and goes on with its session");
    socket.destroy();
    await client.end();
  },
};

for (const [what, play] of Object.entries(ENDS)) {
  t.test(`when ${what}, no session, no backend and no socket is left`, async (t) => {
    // So that the gateway's own connection is there before and after.
    const first = await connected(t, demo);
    await first.query("select 1");
    await first.end();
    await eventually(async () => (await backends()) === 0);
    await eventually(() => demo.gateway.openSessions === 0);
    const before = openSockets();
    for (let n = 0; n < 3; n++) await play(t);
    await eventually(async () => (await backends()) === 0);
    await eventually(() => demo.gateway.openSessions === 0);
    await eventually(() => openSockets() <= before);
    t.equal(demo.gateway.openSessions, 0);
  });
}

t.test("each session that was opened is closed on the log, once", async (t) => {
  const lines = await auditLines(stateOf(demo));
  const of = (type: string) =>
    lines.flatMap((line) => (line.type === type && "session" in line ? [line.session] : [])).sort();
  t.same(of("session.closed"), of("session.opened"));
  t.equal(new Set(of("session.closed")).size, of("session.opened").length);
});
