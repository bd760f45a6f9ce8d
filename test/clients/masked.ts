import { readFile } from "node:fs/promises";
import pg from "pg";
import type { Test } from "tap";
import { gatewayFor, type World } from "./world.ts";

/** A column of each type that drivers have a reader of their own for; and what stands in it. */
const columns: Readonly<Record<string, readonly [type: string, value: string]>> = {
  words: ["text", "ann.ash@shop.example"],
  short: ["varchar(8)", "ann.ash"],
  fixed: ["char(6)", "annash"],
  small: ["integer", "194827156"],
  large: ["bigint", "8273645190273645"],
  exact: ["numeric(20, 4)", "7316482950.1837"],
  seen: ["timestamptz", "1868-11-23 04:05:06.738291+00"],
  born: ["date", "1871-03-17"],
  token: ["uuid", "c4f7a1e2-9b3d-4d58-8e61-5fa09c72d3b6"],
  more: ["jsonb", '{"pet": "jomvrekulpast"}'],
  bytes: ["bytea", "\\x9af3c7e1b2d48596a7b8"],
  vip: ["boolean", "true"],
  host: ["inet", "198.51.100.213"],
  phones: ["text[]", "{frelkuzmodny,wixqarbultem}"],
  mood: ["veiled.mood", "cross"],
  ssn: ["veiled.national_id", "zemtakvolurin"],
  nick: ["veiled.citext", "Vrizpondulek"],
};

/** What has a value of its own under each transform; of the rest, NULL is all that can be put there. */
const constants: Readonly<Record<string, string>> = {
  words: "withheld",
  short: "withheld",
  fixed: "none",
  small: "-7",
  large: "9007199254740993",
  exact: "-0.5000",
  born: "2000-02-29",
  token: "00000000-0000-4000-8000-000000000001",
  more: '{"none": true}',
  bytes: "none",
  vip: "false",
  ssn: "withheld",
};
const tables: Readonly<Record<string, readonly string[]>> = {
  redacted: Object.keys(columns),
  nulled: Object.keys(columns),
  hashed: ["words", "short", "fixed", "small", "large", "exact", "token", "more", "phones", "ssn", "nick"],
  parts: ["words", "short", "fixed", "phones", "ssn", "nick"],
  constant: Object.keys(constants),
};

const PREPARE = `create schema veiled;
grant usage on schema veiled to public;
create extension citext schema veiled;
create type veiled.mood as enum ('calm', 'cross');
create domain veiled.national_id as text check (value !~ '[A-Z]');
${Object.entries(tables)
  .map(([table, names]) => {
    const definitions = names.map((name) => `${name} ${columns[name]?.[0] ?? ""}`);
    const values = names.map((name) => `'${columns[name]?.[1] ?? ""}'`);
    return `create table veiled.${table} (id integer, ${definitions.join(", ")});
insert into veiled.${table} values (1, ${values.join(", ")});
insert into veiled.${table} values (2);
grant select on veiled.${table} to public;`;
  })
  .join("\n")}`;

const rule = (names: string, transform: string) => `  - mask: ${names}
    columns: [veiled.${names}]
    with: ${transform}
`;
const POLICY = `policy: masked values
who: { everyone: true }
targets: [orders]
rules:
  - allow: everything
    when: sql.access in ["read", "write", "ddl", "admin", "unknown"]
${rules()}`;

function rules(): string {
  const simple = { redacted: "redact", nulled: "'null'", hashed: "hash", parts: "{ partial: text }" };
  return [
    ...Object.entries(simple).flatMap(([table, transform]) =>
      (tables[table] ?? []).map((name) => rule(`${table}.${name}`, transform)),
    ),
    ...Object.entries(constants).map(([name, value]) =>
      rule(`constant.${name}`, `{ constant: ${JSON.stringify(value)} }`),
    ),
  ].join("");
}

/**
 * A gateway that masks values of many types. What they become is told to a world's program in MASKED, as JSON: table ->
 * column -> the masked text of its first row, or null; the second row is all NULL. A program reads both in its driver's
 * own form, and has to come to the same.
 */
export async function maskedGatewayFor(t: Test): Promise<World> {
  const world = await gatewayFor(t, POLICY, PREPARE);
  const { env } = world;
  const client = new pg.Client({
    host: env["PGHOST"] ?? "",
    port: Number(env["PGPORT"]),
    user: env["PGUSER"] ?? "",
    password: env["PGPASSWORD"] ?? "",
    database: env["PGDATABASE"] ?? "",
    ssl: { ca: await readFile(env["PGSSLROOTCERT"] ?? "", "utf8") },
    // As they come, in text format.
    types: { getTypeParser: () => (text: string) => text },
  });
  await client.connect();
  const masked: Record<string, Record<string, string | null>> = {};
  for (const table of Object.keys(tables)) {
    const query = `select * from veiled.${table} order by id`;
    const { rows, fields } = await client.query<Record<string, string | null>>(query);
    const straight = await world.superuser.query(query);
    const types = (from: typeof fields) =>
      from.map(({ name, dataTypeID, dataTypeModifier }) => [name, dataTypeID, dataTypeModifier]);
    t.strictSame(types(fields), types(straight.fields), `${table}: the types stay`);
    const { id: _, ...first } = rows[0] ?? {};
    for (const [name, value] of Object.entries(first)) {
      t.not(value, columns[name]?.[1], `${table}.${name} is masked`);
    }
    masked[table] = first;
  }
  t.match(masked, {
    redacted: { words: "[redacted]", mood: null, nick: "[redacted]" },
    hashed: { nick: /^\[hash:/, short: /^[0-9a-z]{8}$/ },
    constant: { words: "withheld", small: "-7", exact: "-0.5000", vip: "f", born: "2000-02-29" },
    parts: { short: /^a\*/ },
  });
  await client.end();
  return { ...world, env: { ...env, MASKED: JSON.stringify(masked) } };
}
