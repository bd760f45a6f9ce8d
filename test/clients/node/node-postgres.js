// @ts-nocheck -- the drivers' types are not the repository's.
// node-postgres with its cursors and streams, and with nothing but libpq's own variables. `node --test` says TAP.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { driver, MESSAGE, REFUSED } from "./driver.js";

const pg = driver("pg");
const Cursor = driver("pg-cursor");
const QueryStream = driver("pg-query-stream");
const copy = driver("pg-copy-streams");
// node-postgres does not read PGSSLROOTCERT by itself.
const ssl = { ca: readFileSync(process.env.PGSSLROOTCERT, "utf8") };
const limit = { timeout: 30_000 };

/** A test that is handed a client. */
function check(name, play, options = {}) {
  test(name, limit, async () => {
    const client = new pg.Client({ ssl, ...options });
    client.on("error", () => undefined);
    await client.connect();
    try {
      await play(client);
    } finally {
      await client.end();
    }
  });
}

const value = async (client, query, values) =>
  Object.values((await client.query(query, values)).rows[0] ?? {})[0];

function isRefusal(error) {
  assert.equal(error.code, "42501");
  assert.equal(error.message, MESSAGE);
  assert.match(error.detail, /^Reference: ref_/);
  assert.ok(error.hint);
  return true;
}

/** Resolves when the server says that a session waits for a lock. */
async function waiting(watcher, pid) {
  const query = "select count(*)::int from pg_locks where pid = $1 and not granted";
  while ((await value(watcher, query, [pid])) === 0);
}

check("a bare client reads, with parameters and without", async (c) => {
  assert.equal(await value(c, "select count(*)::int from orders"), 50_000);
  assert.equal(
    await value(c, "select name from customers where id = $1 and city = $2", [1, "Oslo"]),
    "Grace Hopper",
  );
  assert.deepEqual(
    (await c.query("select 1, 2; select 3")).map(({ rowCount }) => rowCount),
    [1, 1],
  );
  assert.equal((await c.query("")).rowCount, null);
});

check("values of every kind go there and back", async (c) => {
  const at = new Date("2026-01-02T03:04:05.678Z");
  const values = ["Ada — 🦆", 1.5, true, null, Buffer.from([0, 255]), at, [1, null], { x: [1, null] }];
  const query =
    "select $1::text, $2::float8, $3::bool, $4::text, $5::bytea, $6::timestamptz, $7::int[], $8::jsonb";
  assert.deepEqual((await c.query({ text: query, values, rowMode: "array" })).rows[0], values);
});

check("results in binary", async (c) => {
  const { rows } = await c.query({ text: "select 7::int4 as n, true as b", binary: true });
  assert.deepEqual(rows, [{ n: 7, b: true }]);
});

check("named prepared statements, and one whose text changes under its name", async (c) => {
  for (let n = 0; n < 20; n++) {
    const { rows } = await c.query({ name: "one", text: "select $1::int + 1 as n", values: [n] });
    assert.equal(rows[0].n, n + 1);
  }
  assert.equal(await value(c, "select count(*)::int from pg_prepared_statements"), 1);
  await assert.rejects(c.query({ name: "one", text: "select 2", values: [] }), /must be unique/);
});

check("a prepared statement that fails to parse can be prepared again", async (c) => {
  await assert.rejects(c.query({ name: "later", text: "select * from later", values: [] }), {
    code: "42P01",
  });
  await c.query("create temp table later as select 1 as n");
  assert.equal((await c.query({ name: "later", text: "select * from later", values: [] })).rows[0].n, 1);
});

check("many queries at once, in order; an error in one leaves the others", async (c) => {
  const queries = Array.from({ length: 200 }, (_, n) => c.query("select $1::int as n", [n]));
  const failing = assert.rejects(c.query("select 1/0"), { code: "22012" });
  const after = c.query("select 7 as n");
  assert.deepEqual(
    (await Promise.all(queries)).map(({ rows }) => rows[0].n),
    [...Array(200).keys()],
  );
  await failing;
  assert.equal((await after).rows[0].n, 7);
});

check(
  "pipelined: queries are sent before the answers to those before them, a refused one among them",
  async (c) => {
    const queries = Array.from({ length: 200 }, (_, n) => c.query("select $1::int as n", [n]));
    const failing = assert.rejects(c.query("select 1/0"), { code: "22012" });
    const refused = assert.rejects(c.query(REFUSED), isRefusal);
    const after = c.query("select 7 as n");
    assert.deepEqual(
      (await Promise.all(queries)).map(({ rows }) => rows[0].n),
      [...Array(200).keys()],
    );
    await Promise.all([failing, refused]);
    assert.equal((await after).rows[0].n, 7);
  },
  { pipeline: true },
);

check("a cursor: read by parts, closed early, two side by side", async (c) => {
  const cursor = c.query(new Cursor("select generate_series(1, $1::int) as n", [1000]));
  assert.equal((await cursor.read(300)).length, 300);
  assert.equal((await cursor.read(300))[0].n, 301);
  await cursor.close();
  assert.equal(await value(c, "select 1"), 1);
});

check("a stream of rows, by a portal, and one that is left early", async (c) => {
  let sum = 0;
  const stream = c.query(new QueryStream("select id from orders order by id", [], { batchSize: 500 }));
  for await (const { id } of stream) sum += id;
  assert.equal(sum, (50_000 * 50_001) / 2);
  for await (const { id } of c.query(new QueryStream("select id from orders"))) if (id > 0) break;
  assert.equal(await value(c, "select 1"), 1);
});

check("COPY out and in, by streams, and one that is broken off", async (c) => {
  const out = await text(c.query(copy.to("copy (select id, name from products order by id) to stdout csv")));
  assert.equal(out.split("\n").length, 201);
  await c.query("create temp table copied (id int, name text)");
  await pipeline(Readable.from([out]), c.query(copy.from("copy copied from stdin csv")));
  const broken = c.query(copy.from("copy copied from stdin csv"));
  broken.write("1,one\n");
  broken.destroy(new Error("enough"));
  await once(broken, "error").catch(() => undefined);
  assert.equal(await value(c, "select count(*)::int from copied"), 200);
});

check("LISTEN, NOTIFY and notices", async (c) => {
  await c.query("listen node_news");
  const heard = once(c, "notification");
  await c.query("select pg_notify('node_news', 'heard')");
  assert.equal((await heard)[0].payload, "heard");
  const noticed = once(c, "notice");
  await c.query("do $$ begin raise warning 'noticed' using hint = 'a hint'; end $$");
  assert.deepEqual(await noticed.then(([{ message, severity, hint }]) => [message, severity, hint]), [
    "noticed",
    "WARNING",
    "a hint",
  ]);
});

check("transactions, savepoints and errors in them", async (c) => {
  await c.query("begin isolation level repeatable read");
  await c.query("savepoint here");
  await assert.rejects(c.query("select 1/0"), { code: "22012" });
  await assert.rejects(c.query("select 1"), { code: "25P02" });
  await c.query("rollback to here");
  assert.equal(await value(c, "select 2"), 2);
  await c.query("commit");
});

check("SQL-level PREPARE, EXECUTE, DECLARE, FETCH", async (c) => {
  await c.query("prepare by_sql(int) as select $1 + 1");
  assert.equal(await value(c, "execute by_sql(41)"), 42);
  await c.query("begin; declare far cursor for select generate_series(1, 5) as n");
  assert.equal((await c.query("fetch 3 from far")).rowCount, 3);
  await c.query("commit");
});

check("pg_cancel_backend of one session by another", async (c) => {
  const other = new pg.Client({ ssl });
  await other.connect();
  await other.query("select pg_advisory_lock(77)");
  const pid = await value(c, "select pg_backend_pid()");
  const stopped = assert.rejects(c.query("select pg_advisory_lock(77)"), { code: "57014" });
  await waiting(other, pid);
  await other.query("select pg_cancel_backend($1)", [pid]);
  await stopped;
  await other.end();
  assert.equal(await value(c, "select 1"), 1);
});

check(
  "settings given at start-up",
  async (c) => {
    assert.equal(await value(c, "show statement_timeout"), "54321ms");
    assert.equal(await value(c, "show application_name"), "a name");
    assert.equal(await value(c, "show search_path"), "pg_catalog");
  },
  { statement_timeout: 54_321, application_name: "a name", options: "-c search_path=pg_catalog" },
);

test("a pool, with many at once", limit, async () => {
  const pool = new pg.Pool({ ssl, max: 4 });
  const found = await Promise.all(
    Array.from({ length: 50 }, (_, n) => value(pool, "select $1::int as n", [n])),
  );
  assert.deepEqual(found, [...Array(50).keys()]);
  await pool.end();
});

check("a refusal has its SQLSTATE, message, hint and reference, and the session goes on", async (c) => {
  await assert.rejects(c.query(REFUSED), isRefusal);
  await assert.rejects(c.query({ text: REFUSED, values: [], queryMode: "extended" }), isRefusal);
  await assert.rejects(c.query({ name: "refused", text: REFUSED }), isRefusal);
  await assert.rejects(c.query(`select 1; ${REFUSED}`), isRefusal);
  await assert.rejects(c.query(new Cursor(REFUSED)).read(1), isRefusal);
  assert.equal(await value(c, "select 1"), 1);
});

check("a refusal in a transaction fails the transaction, and a savepoint mends it", async (c) => {
  await c.query("begin");
  await c.query("savepoint here");
  await assert.rejects(c.query(REFUSED), isRefusal);
  await assert.rejects(c.query("select 1"), { code: "25P02" });
  await c.query("rollback to here");
  assert.equal(await value(c, "select 2"), 2);
  await c.query("commit");
});
