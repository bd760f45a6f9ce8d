// @ts-nocheck -- the driver's types are not the repository's.
// Commands that wait for a person, as node-postgres sees them. A row's first word says what comes of who deletes it.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { driver } from "./driver.js";

const pg = driver("pg");
const ssl = { ca: readFileSync(process.env.PGSSLROOTCERT, "utf8") };

/** A test that is handed a client, and a row of its own. They run beside each other: each waits for itself. */
function check(name, fate, play, options = {}, table = "held") {
  test(name, { timeout: 30_000 }, async () => {
    const client = new pg.Client({ ssl, ...options });
    client.on("error", () => undefined);
    await client.connect();
    const word = `${fate} node-postgres: ${name}`;
    await client.query(`insert into ${table} values ($1)`, [word]);
    await play(client, word);
    await client.end();
  });
}

const remove = "delete from held where word = $1";
const left = async (client, word) =>
  (await client.query("select 1 from held where word = $1", [word])).rowCount;

/** Resolves when the client is told that its command waits. */
const heldNow = async (client) => (await once(client, "notice"))[0];

describe("node-postgres", { concurrency: true }, () => {
  check("approved: simple, with the notice", "approve", async (c, word) => {
    const [notice, { rowCount }] = await Promise.all([
      heldNow(c),
      c.query(`delete from held where word = ${c.escapeLiteral(word)}`),
    ]);
    assert.equal(notice.severity, "NOTICE");
    assert.match(notice.message, /^Held by the rule "deletes" of the policy "holds": .* Ask dana\.$/);
    assert.match(notice.detail, /^Approval apr_\w+: 1 of the group dba; until /);
    assert.match(notice.hint, /apr_\w+/);
    assert.equal(rowCount, 1);
    assert.equal(await left(c, word), 0);
  });

  check("approved: with parameters, and rows", "approve", async (c, word) => {
    const { rows } = await c.query(`${remove} returning word`, [word]);
    assert.deepEqual(rows, [{ word }]);
  });

  check("a named statement waits each time", "approve", async (c, word) => {
    const held = [];
    c.on("notice", ({ detail }) => held.push(detail));
    for (let n = 0; n < 3; n++) {
      const { rowCount } = await c.query({ name: "remove", text: remove, values: [word] });
      assert.equal(rowCount, n === 0 ? 1 : 0);
    }
    assert.equal(new Set(held).size, 3);
  });

  check("in a transaction, with others behind it", "approve", async (c, word) => {
    await c.query("begin");
    await c.query("insert into held values ($1)", [`beside ${word}`]);
    const [removed, after] = await Promise.all([c.query(remove, [word]), c.query("select 2 as two")]);
    assert.deepEqual([removed.rowCount, after.rows], [1, [{ two: 2 }]]);
    assert.equal((await c.query("commit")).command, "COMMIT");
    assert.equal(await left(c, `beside ${word}`), 1);
  });

  check("denied: an error with dana's words, and the session goes on", "deny", async (c, word) => {
    await assert.rejects(c.query(remove, [word]), (error) => {
      assert.ok(error instanceof pg.DatabaseError);
      assert.equal(error.code, "42501");
      assert.match(error.message, new RegExp(process.env.DENIED));
      return true;
    });
    assert.equal(await left(c, word), 1);
  });

  check("denied in a transaction", "deny", async (c, word) => {
    await c.query("begin");
    await assert.rejects(c.query(remove, [word]), { code: "42501" });
    await assert.rejects(c.query("select 1"), { code: "25P02" });
    assert.equal((await c.query("commit")).command, "ROLLBACK");
    assert.equal(await left(c, word), 1);
  });

  check(
    "expired",
    "expire",
    async (c, word) => {
      await assert.rejects(c.query("delete from brief where word = $1", [word]), { code: "42501" });
      assert.equal((await c.query("select 1 from brief where word = $1", [word])).rowCount, 1);
    },
    {},
    "brief",
  );

  check("cancelled", "cancel", async (c, word) => {
    const query = new pg.Query(remove, [word]);
    const failed = once(query, "error");
    const held = heldNow(c);
    c.query(query);
    await held;
    new pg.Client({ ssl }).cancel(c, query);
    assert.equal((await failed)[0].code, "57014");
    assert.equal(await left(c, word), 1);
  });

  check("the client ends its session", "leave", async (c, word) => {
    const query = assert.rejects(c.query(remove, [word]));
    await heldNow(c);
    c.connection.stream.destroy();
    await query;
  });

  check(
    "the client's query_timeout: it gives up, and leaves",
    "leave",
    async (c, word) => {
      await assert.rejects(c.query(remove, [word]), /timeout/);
      c.connection.stream.destroy();
    },
    { query_timeout: 2000 },
  );

  test("ten sessions ask the same at once, and one yes lets them all go", { timeout: 30_000 }, async () => {
    const pool = new pg.Pool({ ssl, max: 10 });
    const word = "shared node-postgres";
    const clients = await Promise.all(Array.from({ length: 10 }, () => pool.connect()));
    await clients[0].query("insert into shared values ($1)", [word]);
    const results = await Promise.all(
      clients.map((client) => client.query("delete from shared where word = $1", [word])),
    );
    assert.equal(
      results.reduce((sum, { rowCount }) => sum + rowCount, 0),
      1,
    );
    for (const client of clients) client.release();
    await pool.end();
  });
});
