// @ts-nocheck -- the drivers' types are not the repository's.
// Masked values as node-postgres reads them, in text and in its binary format, and postgres.js, which prepares.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { driver } from "./driver.js";

const pg = driver("pg");
const postgres = driver("postgres");
const ssl = { ca: readFileSync(process.env.PGSSLROOTCERT, "utf8") };
const limit = { timeout: 30_000 };

/** Table -> column -> the masked value in text format. */
const masked = JSON.parse(process.env.MASKED);
const kinds = {
  small: "number",
  vip: "boolean",
  born: "object",
  seen: "object",
  bytes: "object",
  phones: "object",
  more: "any",
};

/** A value as PostgreSQL writes it. */
function text(name, value) {
  if (value === null) return null;
  if (name === "more") return JSON.stringify(value).replace('":', '": ');
  assert.equal(typeof value, kinds[name] ?? "string", name);
  if (typeof value === "boolean") return value ? "t" : "f";
  if (Buffer.isBuffer(value)) return `\\x${value.toString("hex")}`;
  if (Array.isArray(value)) return `{${value.join(",")}}`;
  // A day, at its beginning wherever the driver thinks it is.
  if (value instanceof Date) return new Date(value.getTime() + 43_200_000).toISOString().slice(0, 10);
  return String(value);
}

function same(table, [{ id: one, ...first }, { id: two, ...second }], columns = Object.keys(masked[table])) {
  assert.deepEqual([one, two], [1, 2]);
  const found = columns.map((name) => [name, text(name, first[name])]);
  assert.deepEqual(
    Object.fromEntries(found),
    Object.fromEntries(columns.map((name) => [name, masked[table][name]])),
  );
  assert.ok(columns.every((name) => second[name] === null));
}

for (const table of Object.keys(masked)) {
  const query = `select * from veiled.${table} order by id`;

  test(`node-postgres: ${table}`, limit, async () => {
    const client = new pg.Client({ ssl });
    await client.connect();
    same(table, (await client.query(query)).rows);
    same(table, (await client.query({ name: "all", text: query })).rows);
    // What it reads in binary format, it says in its types.
    const binary = ["words", "short", "small", "ssn"].filter((name) => name in masked[table]);
    const { rows } = await client.query({ text: query, binary: true });
    same(table, rows, binary);
    await client.end();
  });

  test(`postgres.js: ${table}`, limit, async () => {
    const sql = postgres({
      host: process.env.PGHOST,
      port: Number(process.env.PGPORT),
      database: process.env.PGDATABASE,
      username: process.env.PGUSER,
      password: process.env.PGPASSWORD,
      ssl,
      max: 1,
    });
    same(table, await sql.unsafe(query, [], { prepare: true }));
    same(table, await sql`select * from ${sql(`veiled.${table}`)} order by id`);
    await sql.end();
  });
}
