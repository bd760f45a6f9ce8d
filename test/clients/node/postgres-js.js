// @ts-nocheck -- the driver's types are not the repository's.
// postgres.js, with nothing but libpq's own variables. It pipelines by itself. `node --test` says TAP.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { driver, MESSAGE, REFUSED } from "./driver.js";

const postgres = driver("postgres");
const ssl = { ca: readFileSync(process.env.PGSSLROOTCERT, "utf8") };

/** A test that is handed a `sql` of one session. */
function check(name, play, options = {}) {
  test(name, { timeout: 30_000 }, async () => {
    const sql = postgres({ ssl, max: 1, onnotice: () => undefined, ...options });
    try {
      await play(sql);
    } finally {
      await sql.end({ timeout: 5 });
    }
  });
}

function isRefusal(error) {
  assert.equal(error.code, "42501");
  assert.equal(error.message, MESSAGE);
  assert.match(error.detail, /^Reference: ref_/);
  assert.ok(error.hint);
  return true;
}

check("a bare client reads, with parameters and without", async (sql) => {
  assert.deepEqual([...(await sql`select count(*)::int from orders`)], [{ count: 50_000 }]);
  const [row] = await sql`select name from customers where id = ${1} and city = ${"Oslo"}`;
  assert.equal(row.name, "Grace Hopper");
});

check("values of every kind go there and back: their types are asked of the server", async (sql) => {
  // The array types are known from the first answer on.
  await sql`select 1`;
  const at = new Date("2026-01-02T03:04:05.678Z");
  const json = { x: [1, null] };
  const [row] =
    await sql`select ${"Ada — 🦆"}::text as a, ${1.5}::float8 as b, ${true}::bool as c, ${null}::text as d,
    ${Buffer.from([0, 255])}::bytea as e, ${at}::timestamptz as f, ${sql.array([1, 2])}::int[] as g, ${sql.json(json)} as h`;
  assert.deepEqual(Object.values(row), [
    "Ada — 🦆",
    1.5,
    true,
    null,
    Buffer.from([0, 255]),
    at,
    [1, 2],
    json,
  ]);
});

check("many queries at once go through one session's pipeline, errors among them", async (sql) => {
  const queries = Array.from({ length: 300 }, (_, n) =>
    n % 100 === 50
      ? assert
          .rejects(
            sql`select 1 / ${0}::int as n`.then(() => undefined),
            { code: "22012" },
          )
          .then(() => n)
      : sql`select ${n}::int as n`.then(([row]) => row.n),
  );
  assert.deepEqual(await Promise.all(queries), [...Array(300).keys()]);
});

check("statements are prepared once, and named", async (sql) => {
  for (let n = 0; n < 10; n++) assert.equal((await sql`select ${n}::int + 1 as n`)[0].n, n + 1);
  const [{ count }] =
    await sql`select count(*)::int from pg_prepared_statements where statement like 'select $1::int + 1%'`;
  assert.equal(count, 1);
});

check(
  "without prepared statements (prepare: false)",
  async (sql) => {
    for (let n = 0; n < 10; n++) assert.equal((await sql`select ${n}::int + 1 as n`)[0].n, n + 1);
    assert.equal((await sql`select count(*)::int from pg_prepared_statements`)[0].count, 0);
  },
  { prepare: false },
);

check("describe(): a statement is described and not run", async (sql) => {
  const { types, columns } = await sql`select id, price from products where id = ${1}`.describe();
  assert.deepEqual([types, columns.map(({ name }) => name)], [[23], ["id", "price"]]);
});

check("simple(): several statements in one text", async (sql) => {
  const results = await sql`select 1 as a; select 2 as b, 3 as c`.simple();
  assert.deepEqual(
    results.map((rows) => ({ ...rows[0] })),
    [{ a: 1 }, { b: 2, c: 3 }],
  );
});

check("helpers: many rows inserted, columns chosen, unsafe() and file-like text", async (sql) => {
  await sql`create temp table many (id int primary key, name text)`;
  const rows = Array.from({ length: 1000 }, (_, id) => ({ id, name: `row ${id}` }));
  assert.equal((await sql`insert into many ${sql(rows)} returning id`).count, 1000);
  await sql`update many set ${sql({ name: "new" }, "name")} where id in ${sql([1, 2, 3])}`;
  assert.equal((await sql.unsafe("select count(*)::int from many where name = $1", ["new"]))[0].count, 3);
});

check("cursor(): by parts, by a callback, and left early", async (sql) => {
  let rows = 0;
  for await (const part of sql`select id from orders`.cursor(700)) rows += part.length;
  assert.equal(rows, 50_000);
  rows = 0;
  await sql`select generate_series(1, 100)`.cursor(10, (part) => {
    rows += part.length;
    return rows === 30 ? sql.CLOSE : undefined;
  });
  assert.equal(rows, 30);
  for await (const [row] of sql`select id from orders`.cursor(1)) if (row) break;
  assert.equal((await sql`select 1 as n`)[0].n, 1);
});

check("forEach and raw values", async (sql) => {
  let sum = 0;
  await sql`select generate_series(1, 100) as n`.forEach(({ n }) => {
    sum += n;
  });
  assert.equal(sum, 5050);
  assert.equal((await sql`select 'abc'::text`.raw())[0][0].toString(), "abc");
});

check("copy streams: out and in", async (sql) => {
  const out = await text(
    await sql`copy (select id, name from products order by id) to stdout csv`.readable(),
  );
  assert.equal(out.split("\n").length, 201);
  await sql`create temp table copied (id int, name text)`;
  await pipeline(Readable.from([out]), await sql`copy copied from stdin csv`.writable());
  assert.equal((await sql`select count(*)::int from copied`)[0].count, 200);
});

check("begin(): transactions, savepoints, and what is thrown in them", async (sql) => {
  await sql`create temp table kept (n int)`;
  await sql.begin("isolation level repeatable read", async (tx) => {
    await tx`insert into kept values (1)`;
    await assert.rejects(
      tx.savepoint((inner) => inner`select 1/0`),
      { code: "22012" },
    );
    await tx.savepoint((inner) => inner`insert into kept values (2)`);
  });
  await assert.rejects(
    sql.begin((tx) => [tx`insert into kept values (3)`, tx`select 1/0`, tx`insert into kept values (4)`]),
    { code: "22012" },
  );
  assert.deepEqual((await sql`select n from kept`.values()).flat(), [1, 2]);
});

check("listen() and notify()", async (sql) => {
  const heard = Promise.withResolvers();
  const { unlisten } = await sql.listen("js_news", heard.resolve);
  await sql.notify("js_news", "heard");
  assert.equal(await heard.promise, "heard");
  await unlisten();
});

check("cancel(): a query is cancelled at the server", async (sql) => {
  const watcher = postgres({ ssl, max: 1 });
  await watcher`select pg_advisory_lock(77)`;
  const [{ pid }] = await sql`select pg_backend_pid() as pid`;
  const query = sql`select pg_advisory_lock(77)`;
  const stopped = assert.rejects(query.execute(), { code: "57014" });
  const count = () => watcher`select count(*)::int from pg_locks where pid = ${pid} and not granted`;
  while ((await count())[0].count === 0);
  query.cancel();
  await stopped;
  await watcher.end();
  assert.equal((await sql`select 1 as n`)[0].n, 1);
});

check("reserve(): a session of one's own", async (sql) => {
  const own = await sql.reserve();
  await own`set application_name = 'reserved'`;
  assert.equal((await own`show application_name`)[0].application_name, "reserved");
  own.release();
});

check(
  "settings given at start-up, and a pool",
  async (sql) => {
    const found = await Promise.all(Array.from({ length: 40 }, () => sql`show statement_timeout`));
    assert.ok(found.every(([row]) => row.statement_timeout === "54321ms"));
    assert.equal((await sql`show search_path`)[0].search_path, "pg_catalog");
  },
  { max: 4, connection: { statement_timeout: 54_321, search_path: "pg_catalog" } },
);

check("a refusal has its SQLSTATE, message, hint and reference, and the session goes on", async (sql) => {
  await assert.rejects(sql.unsafe(REFUSED).execute(), isRefusal);
  await assert.rejects(sql.unsafe(REFUSED, [], { prepare: true }).execute(), isRefusal);
  await assert.rejects(sql.unsafe(`select 1; ${REFUSED}`).simple().execute(), isRefusal);
  assert.equal((await sql`select 1 as n`)[0].n, 1);
});

check("a refusal in the pipeline is its query's alone", async (sql) => {
  const queries = [
    sql`select ${1}::int as n`.then(([{ n }]) => n),
    assert.rejects(sql`truncate payments`.execute(), isRefusal),
    sql`select ${2}::int as n`.then(([{ n }]) => n),
  ];
  assert.deepEqual(await Promise.all(queries), [1, undefined, 2]);
});

check("a refusal in a transaction fails the transaction, and a savepoint mends it", async (sql) => {
  await sql.begin(async (tx) => {
    await assert.rejects(
      tx.savepoint((inner) => inner`truncate payments`),
      isRefusal,
    );
    assert.equal((await tx`select 2 as n`)[0].n, 2);
  });
  await assert.rejects(
    sql.begin((tx) => tx`truncate payments`),
    isRefusal,
  );
  assert.equal((await sql`select 3 as n`)[0].n, 3);
});
