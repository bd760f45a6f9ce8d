import { Gateway } from "@gatehouse/gateway";
import { createFakeClock, createMemoryLog } from "@gatehouse/testkit";
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
  variantOf,
  writer,
} from "./environment.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Of the demo's tokens, as its provider issues them. */
const TOKEN_LIFETIME = 12 * HOUR;

const demo = await demoFor(t);
const superuser = await admin(t, demo);

/** A gateway on the demo's database with limits and a time of its own. */
async function limited(t: Test, name: string, sessions: string) {
  const { configFile, state } = await variantOf(demo, name, { sessions: `{ ${sessions} }` });
  const clock = createFakeClock();
  const gateway = await Gateway.start({ configFile, log: createMemoryLog(), clock });
  t.teardown(() => gateway.stop("test ended"));
  return { gateway, state, clock, port: gateway.port("postgres") ?? 0 };
}

/** Lets the time pass, in steps, until it is so: sweeps look at sessions once in a while, and note what they see. */
async function pass(clock: { advance(ms: number): void }, step: number, holds: () => boolean): Promise<void> {
  await eventually(() => {
    if (holds()) return true;
    clock.advance(step);
    return false;
  });
}

/** Whether a session has ended, and with which word. */
function watched(end: Promise<Error | undefined>) {
  const state = { ended: false, end };
  void end.then(() => {
    state.ended = true;
  });
  return state;
}

async function ends(state: string): Promise<readonly string[]> {
  const lines = await auditLines(state);
  return lines.flatMap((line) => (line.type === "session.closed" ? [line.end] : []));
}

/** How many of the gateway's backends there are, or of those that are at a text like this. */
async function backends(pattern = "%"): Promise<number> {
  const text = "select from pg_stat_activity where starts_with(usename, 'gh_') and query like $1";
  return (await superuser.query(text, [pattern])).rows.length;
}

t.test(
  "a session that does nothing for too long is told so and ended; one that does something is not",
  async (t) => {
    const { gateway, state, clock, port } = await limited(t, "idle", "idle: 10s");
    const idle = watched(ending(await connected(t, demo, { port })));
    const inTransaction = await connected(t, demo, { port });
    await inTransaction.query("begin");
    const working = await connected(t, demo, { port });
    const sleeping = working.query("select pg_sleep(600)");
    sleeping.catch(() => undefined);
    await pass(clock, 1000, () => idle.ended);
    t.match(await idle.end, {
      severity: "FATAL",
      code: "57P05",
      message: "The session was idle for longer than 10s.",
    });
    t.equal(gateway.openSessions, 2, "in a transaction is not idle, and nor is who waits for an answer");
    t.same((await inTransaction.query("select 1 as n")).rows, [{ n: 1 }]);
    t.same(await ends(state), ["idle"]);
    await superuser.query(
      "select pg_cancel_backend(pid) from pg_stat_activity where query like 'select pg_sleep%'",
    );
    await t.rejects(sleeping, { code: "57014" });
  },
);

t.test("a transaction that is left open for too long is undone", async (t) => {
  const { state, clock, port } = await limited(t, "in-transaction", "idleInTransaction: 10s");
  const idle = watched(ending(await connected(t, demo, { port })));
  const client = await connected(t, demo, { port, ...writer(demo) });
  const left = watched(ending(client));
  await client.query("begin");
  await client.query("update orders set status = 'lost' where id = 11");
  const failed = await connected(t, demo, { port });
  const failedEnd = watched(ending(failed));
  await failed.query("begin");
  await t.rejects(failed.query("select 1/0"), { code: "22012" });
  await pass(clock, 1000, () => left.ended && failedEnd.ended);
  const told = { severity: "FATAL", code: "25P03", message: /idle in a transaction for longer than 10s/ };
  t.match(await left.end, told);
  t.match(await failedEnd.end, told, "one that has failed is one too");
  t.notOk(idle.ended, "outside of one there is no limit here");
  t.same(await ends(state), ["idle", "idle"]);
  await eventually(async () => (await backends()) === 1);
  const { rows } = await superuser.query<{ status: string }>("select status from orders where id = 11");
  t.not(rows[0]?.status, "lost");
});

t.test("a session lasts as long as a session may, whatever it does", async (t) => {
  const { gateway, state, clock, port } = await limited(t, "length", "length: 1m");
  const idle = watched(ending(await connected(t, demo, { port })));
  const working = refusal((await connected(t, demo, { port })).query("select pg_sleep(600)"));
  working.catch(() => undefined);
  await eventually(async () => (await backends("select pg_sleep%")) === 1);
  clock.advance(MINUTE - 1);
  const young = await connected(t, demo, { port });
  t.same((await young.query("select 1 as n")).rows, [{ n: 1 }]);
  t.equal(gateway.openSessions, 3);
  clock.advance(1);
  const told = {
    severity: "FATAL",
    code: "57P01",
    message: "The session has lasted 1m, which is as long as a session may.",
    hint: "Connect again.",
  };
  t.match(await idle.end, told);
  t.match(await working, told, "what runs does not put it off");
  t.same(await ends(state), ["expired", "expired"]);
  t.same((await young.query("select 2 as n")).rows, [{ n: 2 }], "each is counted from its own beginning");
  await eventually(async () => (await backends()) === 1);
});

t.test("`until: expiry` ends a session with its token; `close` does not", async (t) => {
  const expiring = await limited(t, "expiry", "until: expiry");
  const closing = await limited(t, "close", "until: close");
  const dana = await demo.provider.token("dana");
  const [cut, kept] = [
    await connected(t, demo, { port: expiring.port, password: dana }),
    await connected(t, demo, { port: closing.port, password: dana }),
  ];
  const [end, going] = [watched(ending(cut)), watched(ending(kept))];
  for (const { clock } of [expiring, closing]) clock.advance(TOKEN_LIFETIME - 5 * MINUTE);
  t.same((await cut.query("select 1 as n")).rows, [{ n: 1 }], "while the token is good");
  for (const { clock } of [expiring, closing]) clock.advance(10 * MINUTE);
  t.match(await end.end, {
    severity: "FATAL",
    code: "57P01",
    message: "The token that the session was opened with has expired.",
  });
  t.same(await ends(expiring.state), ["expired"]);
  t.same((await kept.query("select 2 as n")).rows, [{ n: 2 }], "the other goes on with the same token");
  t.notOk(going.ended);
  for (const { port } of [expiring, closing])
    t.match(await refusedLogin(demo, { port, password: dana }), { code: "28P01" }, "nobody gets in with it");
  closing.clock.advance(12 * HOUR);
  t.match(await going.end, { code: "57P01", message: /has lasted 1d,/ }, "but not for ever");
});

t.test("an identity has as many sessions as it may, and another has its own", async (t) => {
  const { gateway, state, port } = await limited(t, "per-identity", "perIdentity: 3");
  const clients = await Promise.all([1, 2, 3].map(() => connected(t, demo, { port })));
  const many = { severity: "FATAL", code: "53300" };
  t.match(await refusedLogin(demo, { port }), many);
  const other = await connected(t, demo, { port, ...writer(demo) });
  t.same((await other.query("select 1 as n")).rows, [{ n: 1 }]);
  await clients[0]?.end();
  await eventually(() => gateway.openSessions === 3);
  const again = await connected(t, demo, { port });
  t.same((await again.query("select 1 as n")).rows, [{ n: 1 }], "one that is closed makes room");
  const attempts = Array.from({ length: 10 }, () => refusedLogin(demo, { port }));
  for (const refused of await Promise.all(attempts))
    t.match(refused, many, "nor do many at once get past it");
  const failed = (await auditLines(state)).filter(({ type }) => type === "login.failed");
  t.match(failed, Array(11).fill({ kind: "too_many", target: "orders", level: "reader" }));
});

t.test("a reload of the limits holds for sessions that are open", async (t) => {
  const { configFile } = await variantOf(demo, "reloaded", { sessions: "{ length: 24h }" });
  const clock = createFakeClock();
  const gateway = await Gateway.start({ configFile, log: createMemoryLog(), clock });
  t.teardown(() => gateway.stop("test ended"));
  const end = watched(ending(await connected(t, demo, { port: gateway.port("postgres") ?? 0 })));
  clock.advance(HOUR);
  await variantOf(demo, "reloaded", { sessions: "{ length: 30m }" });
  t.same(await gateway.reload(), []);
  t.match(await end.end, { code: "57P01", message: /has lasted 30m/ });
});
