import { type Lease, Secret } from "@gatehouse/core";
import { createFakeClock, createMemoryLog, startPostgres } from "@gatehouse/testkit";
import pg from "pg";
import t, { type Test } from "tap";
import { CatalogCache, type CatalogCacheOptions } from "../../src/catalog/catalog-cache.ts";
import type { CatalogData } from "../../src/catalog/catalog.ts";
import { eventually } from "../support/eventually.ts";
import { leaseOf, relayTo, targetAt } from "../support/target.ts";

const REFRESH = 10_000;
const OLDEST = 30_000;

const server = await startPostgres();
t.teardown(() => server.stop());
let admin = await adminOf();
t.teardown(() => admin.end());

async function adminOf(): Promise<pg.Client> {
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    database: "postgres",
    ...server.superuser,
  });
  // The server is crashed on purpose.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** A cache before the server, and what it does: how often it came for the credential, and what it was answered. */
async function cacheOf(t: Test, options: Partial<CatalogCacheOptions> = {}) {
  const clock = createFakeClock();
  const log = createMemoryLog();
  const seen = { leases: 0, released: 0, answers: 0 };
  const relay = await relayTo(t, server, {
    change: (frame) => {
      if (String.fromCharCode(frame.type) === "Z") seen.answers += 1;
      return frame.bytes;
    },
  });
  const cache = new CatalogCache({
    target: targetAt([relay]),
    lease: () => Promise.resolve(counted(server.superuser.password, seen)),
    clock,
    log,
    refresh: REFRESH,
    oldest: OLDEST,
    ...options,
  });
  t.teardown(() => cache.dispose());
  return { cache, clock, log, seen };
}

function counted(password: string, seen: { leases: number; released: number }): Lease {
  seen.leases += 1;
  return {
    ...leaseOf(server.superuser.user, new Secret(password)),
    release: () => {
      seen.released += 1;
      return Promise.resolve();
    },
  };
}

const has = (data: CatalogData | undefined, table: string) =>
  data?.relations.some(({ name }) => name === table);

// The first: later, the sockets of others are still on their way out.
t.test("an idle connection keeps no process alive, and goes when everything does", async (t) => {
  const alive = () =>
    process.getActiveResourcesInfo().filter((kind) => /^(TCPSocketWrap|Timeout)$/.test(kind));
  const before = alive();
  const seen = { leases: 0, released: 0 };
  const lease = () => Promise.resolve(counted(server.superuser.password, seen));
  // Straight, since a relay's sockets are alive.
  const { cache } = await cacheOf(t, { lease, target: targetAt([server]) });
  await cache.fresh();
  t.same(alive(), before);
  cache.dispose();
  await eventually(() => seen.released === 1);
  t.equal(cache.current(), undefined);
  await t.rejects(cache.fresh(), { message: /shutting down/ });
  t.equal(seen.leases, 1);
});

t.test("nothing is asked before somebody wants to know, and then once for all who do", async (t) => {
  const { cache, seen } = await cacheOf(t);
  t.equal(cache.current(), undefined);
  t.same(cache.status(), { ok: true });
  t.equal(seen.leases, 0);
  const [first, ...others] = await Promise.all(Array.from({ length: 10 }, () => cache.fresh()));
  t.ok(first);
  for (const other of others) t.equal(other, first);
  t.equal(cache.current(), first);
  t.equal(await cache.fresh(), first);
  t.same(seen, { leases: 1, released: 0, answers: 4 }, "the log-in, and a reading between two fingerprints");
});

t.test(
  "what has grown old is looked at again before it is used, and is the same if nothing changed",
  async (t) => {
    const { cache, clock, seen } = await cacheOf(t);
    const first = await cache.fresh();
    clock.advance(REFRESH + 1);
    t.equal(cache.current(), undefined);
    t.equal(await cache.fresh(), first);
    t.equal(seen.answers, 5, "one fingerprint more");
    await admin.query("CREATE TABLE added ()");
    t.equal(cache.current(), first, "for so long nobody looks");
    clock.advance(REFRESH + 1);
    t.ok(has(await cache.fresh(), "added"));
    t.equal(seen.leases, 1, "by the same connection");
    clock.advance(-REFRESH);
    t.equal(cache.current(), undefined, "a clock that was set back keeps nothing young");
  },
);

t.test("who asks often need not wait", async (t) => {
  const { cache, clock } = await cacheOf(t);
  await cache.fresh();
  await admin.query("CREATE TABLE behind ()");
  clock.advance(REFRESH / 2 + 1);
  t.equal(has(cache.current(), "behind"), false, "used as it is, and looked at meanwhile");
  await eventually(() => has(cache.current(), "behind") === true);
  clock.advance(REFRESH / 2);
  t.ok(cache.current(), "from then on it counts");
});

t.test("after a change, the next reader waits for a reading that began after it", async (t) => {
  const { cache, seen } = await cacheOf(t);
  await cache.fresh();
  await admin.query("CREATE TABLE changed ()");
  cache.stale();
  t.equal(cache.current(), undefined);
  t.ok(has(await cache.fresh(), "changed"));
  t.ok(has(cache.current(), "changed"));
  cache.stale();
  const before = seen.answers;
  await cache.fresh();
  t.equal(seen.answers, before + 1, "nothing has changed: a fingerprint says so");
});

t.test("a look that had begun before the change is not enough", async (t) => {
  const gate = Promise.withResolvers<undefined>();
  const held = { leases: 0, released: 0 };
  const { cache, seen } = await cacheOf(t, {
    lease: async () => {
      await gate.promise;
      return counted(server.superuser.password, held);
    },
  });
  const before = cache.fresh();
  cache.stale();
  const after = cache.fresh();
  gate.resolve(undefined);
  await before;
  t.equal(cache.current(), undefined);
  await after;
  t.equal(seen.answers, 5, "one more fingerprint than the first look took");
  t.ok(cache.current());
});

t.test("a view whose text could not be had is read again at the next look", async (t) => {
  await admin.query("CREATE TABLE busy (a int); CREATE VIEW on_busy AS SELECT a FROM busy");
  const { cache } = await cacheOf(t);
  const definition = (data: CatalogData) => data.relations.find(({ name }) => name === "on_busy")?.definition;
  await admin.query("BEGIN; LOCK TABLE busy IN ACCESS EXCLUSIVE MODE");
  t.equal(definition(await cache.fresh()), undefined);
  await admin.query("ROLLBACK");
  cache.stale();
  t.match(definition(await cache.fresh()), /FROM public\.busy/);
});

t.test("a change that is not committed keeps nobody waiting", async (t) => {
  await admin.query("CREATE TABLE open (a int); CREATE VIEW on_open AS SELECT a FROM open");
  const { cache } = await cacheOf(t);
  const first = await cache.fresh();
  await admin.query("BEGIN; ALTER TABLE open ADD COLUMN b int");
  cache.stale();
  t.equal(await cache.fresh(), first);
  await admin.query("ROLLBACK");
});

t.test("while the target can't be asked, what is known is used for a while and then no more", async (t) => {
  const { cache, clock, log, seen } = await cacheOf(t);
  const first = await cache.fresh();
  const since = new Date(clock.now() + REFRESH + 1).toISOString();
  await server.crash();
  clock.advance(REFRESH + 1);
  t.equal(await cache.fresh(), first);
  t.match(cache.status(), { ok: false, since: Date.parse(since) });
  t.equal(cache.current(), first);
  t.equal(log.entries.filter(({ level }) => level === "warn").length, 1);

  const asked = seen.leases;
  t.equal(await cache.fresh(), first);
  t.equal(seen.leases, asked, "left alone for a second");
  clock.advance(OLDEST - REFRESH);
  t.equal(cache.current(), undefined);
  const gone = {
    code: "CATALOG_UNAVAILABLE",
    message: new RegExp(`"orders" can't be read, since ${since}: .`),
  };
  await t.rejects(cache.fresh(), gone);
  const tried = seen.leases;
  await t.rejects(cache.fresh(), gone, "at once");
  t.equal(seen.leases, tried);

  await server.start();
  await t.rejects(cache.fresh(), gone, "it is not time yet");
  clock.advance(2_000);
  t.ok(await cache.fresh());
  admin = await adminOf();
  t.same(cache.status(), { ok: true });
  t.match(log.entries.at(-1), { level: "info", message: "the catalog can be read again" });
});

t.test("a change that can't be read leaves no catalog at all", async (t) => {
  const { cache } = await cacheOf(t);
  await cache.fresh();
  await server.crash();
  cache.stale();
  await t.rejects(cache.fresh(), { code: "CATALOG_UNAVAILABLE" });
  t.equal(cache.current(), undefined);
  await server.start();
  admin = await adminOf();
});

t.test("a credential that does not lead in is named as the reason, without its secret", async (t) => {
  const seen = { leases: 0, released: 0 };
  const password = "not the one";
  const { cache, log } = await cacheOf(t, { lease: () => Promise.resolve(counted(password, seen)) });
  await t.rejects(cache.fresh(), { code: "CATALOG_UNAVAILABLE", message: /SQLSTATE 28P01/ });
  t.same(seen, { leases: 1, released: 1 }, "and is given back");
  t.notMatch(JSON.stringify([log.entries, cache.status()]), password);
  const without = await cacheOf(t, { lease: () => Promise.reject(new Error("no such secret")) });
  await t.rejects(without.cache.fresh(), { message: /no such secret/ });
});

t.test("a catalog over the bounds is none", async (t) => {
  const bounds = { columns: 10, objects: 1_000_000, bytes: 1_000_000 };
  const { cache } = await cacheOf(t, { bounds });
  await t.rejects(cache.fresh(), { message: /more than the 10 that the gateway reads/ });
  t.match(cache.status(), { ok: false, reason: /^The catalog has \d+ columns/ });
});
