// @ts-nocheck -- the driver's types are not the repository's.
// Commands that wait for a person, as postgres.js sees them. A row's first word says what comes of who deletes it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { driver } from "./driver.js";

const postgres = driver("postgres");
const ssl = { ca: readFileSync(process.env.PGSSLROOTCERT, "utf8") };

/** A test that is handed a `sql` of one session, a row of its own, and what resolves at the notice. */
function check(name, fate, play, table = "held") {
  test(name, { timeout: 30_000 }, async () => {
    const noticed = Promise.withResolvers();
    const sql = postgres({ ssl, max: 1, onnotice: noticed.resolve });
    const word = `${fate} postgres.js: ${name}`;
    await sql`insert into ${sql(table)} values (${word})`;
    await play(sql, word, noticed.promise);
    await sql.end({ timeout: 5 });
  });
}

const left = async (sql, word) => (await sql`select 1 from held where word = ${word}`).count;

describe("postgres.js", { concurrency: true }, () => {
  check("approved, with the notice", "approve", async (sql, word, noticed) => {
    assert.equal((await sql`delete from held where word = ${word}`).count, 1);
    assert.match((await noticed).message, /^Held by the rule "deletes"/);
    assert.equal(await left(sql, word), 0);
  });

  check("approved: a simple query", "approve", async (sql, word) => {
    assert.equal((await sql.unsafe(`delete from held where word = '${word}'`).simple()).count, 1);
  });

  check("its prepared statement waits each time", "approve", async (sql, word) => {
    for (const count of [1, 0, 0]) {
      assert.equal((await sql`delete from held where word = ${word}`).count, count);
    }
  });

  check("in its pipeline, between others", "approve", async (sql, word) => {
    const answers = await Promise.all([
      sql`select ${1}::int as n`,
      sql`delete from held where word = ${word}`,
      sql`select ${2}::int as n`,
    ]);
    assert.deepEqual(
      answers.map(({ command, count }) => `${command} ${count}`),
      ["SELECT 1", "DELETE 1", "SELECT 1"],
    );
  });

  check("in a transaction", "approve", async (sql, word) => {
    await sql.begin(async (tx) => {
      await tx`insert into held values (${`beside ${word}`})`;
      assert.equal((await tx`delete from held where word = ${word}`).count, 1);
    });
    assert.equal(await left(sql, `beside ${word}`), 1);
  });

  check("denied: an error with dana's words, and the session goes on", "deny", async (sql, word) => {
    await assert.rejects(sql`delete from held where word = ${word}`.execute(), (error) => {
      assert.ok(error instanceof postgres.PostgresError);
      assert.equal(error.code, "42501");
      assert.match(error.message, new RegExp(process.env.DENIED));
      return true;
    });
    assert.equal(await left(sql, word), 1);
  });

  check("denied in a transaction, which is undone", "deny", async (sql, word) => {
    await assert.rejects(
      sql.begin((tx) => [tx`insert into held values ('never')`, tx`delete from held where word = ${word}`]),
      { code: "42501" },
    );
    assert.deepEqual([await left(sql, word), await left(sql, "never")], [1, 0]);
  });

  check(
    "expired",
    "expire",
    async (sql, word) => {
      await assert.rejects(sql`delete from brief where word = ${word}`.execute(), { code: "42501" });
    },
    "brief",
  );

  check("cancelled", "cancel", async (sql, word, noticed) => {
    const query = sql`delete from held where word = ${word}`;
    const stopped = assert.rejects(query.execute(), { code: "57014" });
    await noticed;
    query.cancel();
    await stopped;
    assert.equal(await left(sql, word), 1);
  });

  check("the client ends its session", "leave", async (sql, word, noticed) => {
    const broken = assert.rejects(sql`delete from held where word = ${word}`.execute());
    await noticed;
    await sql.end({ timeout: 0 });
    await broken;
  });
});
