import { once } from "node:events";
import { request } from "node:https";
import { connect } from "node:net";
import { readFile } from "node:fs/promises";
import t from "tap";
import {
  admin,
  auditLines,
  connected,
  demoFor,
  ending,
  eventually,
  refusal,
  stateOf,
  variantGateway,
  verifyState,
  writer,
} from "./environment.ts";
import { securedConnection, startupMessage } from "./raw.ts";

const demo = await demoFor(t);
// Not the one that holds the locks: within a transaction, pg_stat_activity stays as it was first seen.
const observer = await admin(t, demo);
const shutDown = { severity: "FATAL", code: "57P01", message: /shutting down/ };

function refusedTcp(port: number): Promise<string | undefined> {
  const socket = connect(port, "127.0.0.1");
  return new Promise((resolve) => {
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    socket.on("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
  });
}

async function ready(): Promise<number | undefined> {
  const ca = await readFile(demo.variables["GATEHOUSE_CA"] ?? "");
  return new Promise((resolve, reject) => {
    const sent = request(
      `${demo.variables["GATEHOUSE_URL"] ?? ""}/readyz`,
      { ca, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    sent.on("error", reject);
    sent.end();
  });
}

// The role with what the policies allow an analyst is there from now on: to make it would wait for the locks of these tests.
await (await connected(t, demo)).end();

t.test("draining: idle sessions end at once, what runs finishes, nobody new gets in", async (t) => {
  const { gateway, port, state } = await variantGateway(t, demo, "patient", { drain: "60s" });
  const locker = await admin(t, demo);
  await locker.query("begin");
  await locker.query("lock table products in access exclusive mode");

  const idle = await connected(t, demo, { port });
  await idle.query("select 1");
  const running = await connected(t, demo, { port });
  let finished = false;
  const rows = running.query<{ n: number }>("select count(*)::int as n from products").then((result) => {
    finished = true;
    return result.rows;
  });
  const inTransaction = await connected(t, demo, { port, ...writer(demo) });
  await inTransaction.query("begin");
  await inTransaction.query("update orders set status = 'open' where id = 9");
  await eventually(async () => {
    const { rows } = await observer.query("select from pg_stat_activity where wait_event_type = 'Lock'");
    return rows.length === 1;
  });

  const ends = [ending(idle), ending(running), ending(inTransaction)] as const;
  let stopped = false;
  const stop = gateway.stop("SIGTERM").then(() => {
    stopped = true;
  });
  t.match(await ends[0], shutDown, "the idle one is told why");
  t.equal(await refusedTcp(port), "ECONNREFUSED");
  t.notOk(finished);
  t.notOk(stopped);

  t.equal((await inTransaction.query("update orders set status = 'paid' where id = 9")).rowCount, 1);
  await inTransaction.query("commit");
  t.match(await ends[2], shutDown, "the one in a transaction, when it has committed");
  await locker.query("rollback");
  t.same(await rows, [{ n: 200 }]);
  t.match(await ends[1], shutDown);
  await stop;
  t.equal(gateway.openSessions, 0);

  const lines = await auditLines(state);
  t.match(lines.at(-1), { type: "gateway.stopped", reason: "SIGTERM" });
  t.same(
    lines.flatMap((line) => (line.type === "session.closed" ? [line.end] : [])),
    ["drained", "drained", "drained"],
  );
  t.match(await verifyState(state), { ok: true, torn: 0 });
  t.same((await locker.query("select status from orders where id = 9")).rows, [{ status: "paid" }]);
});

t.test(
  "at the deadline what still runs is ended: its statement cancelled, its transaction undone",
  async (t) => {
    const { gateway, port, state } = await variantGateway(t, demo, "hasty", { drain: "200ms" });
    const locker = await admin(t, demo);
    await locker.query("begin");
    await locker.query("lock table products in access exclusive mode");
    const running = await connected(t, demo, { port });
    const blocked = refusal(running.query("select count(*) from products"));
    blocked.catch(() => undefined);
    const inTransaction = await connected(t, demo, { port, ...writer(demo) });
    await inTransaction.query("begin");
    await inTransaction.query("update orders set status = 'lost' where id = 10");

    const end = ending(inTransaction);
    await gateway.stop("SIGTERM");
    t.match(await end, shutDown);
    t.match(await blocked, { code: /^57/ });
    t.equal(gateway.openSessions, 0);
    t.match((await auditLines(state)).at(-1), { type: "gateway.stopped" });
    await eventually(async () => {
      const { rows } = await observer.query("select from pg_stat_activity where starts_with(usename, 'gh_')");
      return rows.length === 0;
    });
    t.same((await locker.query("select count(*)::int as n from orders where status = 'lost'")).rows, [
      { n: 0 },
    ]);
    await locker.query("rollback");
  },
);

t.test("while it drains it is not ready, and says so until the end", async (t) => {
  const inTransaction = await connected(t, demo);
  await inTransaction.query("begin");
  t.equal(await ready(), 200);
  const stop = demo.gateway.stop("SIGTERM");
  t.equal(await ready(), 503);
  await inTransaction.query("commit");
  await stop;
  t.equal(await ready(), 503);
  t.match((await auditLines(stateOf(demo))).at(-1), { type: "gateway.stopped" });
});

t.test("a client that is about to log in when the gateway stops does not get in", async (t) => {
  const { gateway, port, state } = await variantGateway(t, demo, "late", {});
  const late = await securedConnection(demo, port);
  late.write(startupMessage({ user: "reader", database: "orders" }));
  await once(late, "data");
  let said = 0;
  late.on("data", (chunk: Buffer) => {
    said += chunk.length;
  });
  // Whether by an end or by a reset: it is gone.
  late.on("error", () => undefined);
  const closed = new Promise((resolve) => late.once("close", resolve));
  await gateway.stop("SIGTERM");
  await closed;
  t.equal(said, 0);
  const happened = (await auditLines(state)).map(({ type }) => type);
  t.same(
    happened.filter((type) => type !== "lease.revoked"),
    ["gateway.started", "gateway.stopped"],
  );
});
