/*
 * Two databases that differ in one column alone. What a lineage does not trace to that column has to be the same in both:
 * a dependence that it has missed shows as a difference.
 */
import { startPostgres } from "@gatehouse/testkit";
import { loadModule } from "libpg-query";
import pg from "pg";
import t, { type Test } from "tap";
import { catalogOf, lineageOfOne } from "../support/described.ts";
import { generatedQuery } from "./generated.ts";
import { SCHEMA } from "./schema.ts";
import { reading } from "./statements.data.ts";

const SECRET = "public.customers.email";

/** @param secrets of customers: in another order, of other lengths, or not there */
function rows(secrets: readonly (string | null)[]): string {
  const quoted = secrets.map((secret) => (secret === null ? "NULL" : `'${secret}'`));
  return `
    INSERT INTO customers SELECT i, 'n' || i % 3, (ARRAY[${quoted.join()}])[i], ARRAY['x', 'y' || i], '{"a": 1, "b": 2}'
      FROM generate_series(1, 4) i;
    INSERT INTO orders SELECT i, i % 4 + 1, 'n' || i % 3, i * 10 FROM generate_series(1, 5) i;
    INSERT INTO copies VALUES ('p', 'q'), ('r', 's');
    INSERT INTO events SELECT i, '2010-01-01', 'e' || i FROM generate_series(1, 3) i;
    INSERT INTO people (id, email, city) SELECT i, 'P' || i, 'c' || i FROM generate_series(1, 3) i;
    INSERT INTO homes VALUES (1, ('s', 'z'), ARRAY[('t', 'y')::place]);
    REFRESH MATERIALIZED VIEW kept`;
}

await loadModule();
const server = await startPostgres();
t.teardown(() => server.stop());

async function clientOf(database: string): Promise<pg.Client> {
  const client = new pg.Client({ host: server.host, port: server.port, database, ...server.superuser });
  await client.connect();
  t.teardown(() => client.end());
  return client;
}

const admin = await clientOf("postgres");
const databases = await Promise.all(
  ["one", "two"].map(async (name) => {
    await admin.query(`CREATE DATABASE ${name} TEMPLATE template0`);
    return clientOf(name);
  }),
);
const secrets = [
  ["a@x.test", "z@y.test", null, "bcdef@long.test"],
  [null, "k", "abc@w.test", "m@v.test"],
];
for (const [i, client] of databases.entries()) {
  await client.query(SCHEMA);
  await client.query(rows(secrets[i] ?? []));
  await client.query("SET statement_timeout = '5s'");
}
const catalog = await catalogOf(server, "one");

/** The values of each column, in no order; undefined where the statement fails. */
async function columnsOf(client: pg.Client, text: string): Promise<readonly string[] | undefined> {
  try {
    const { rows, fields } = await client.query<unknown[]>({ text, rowMode: "array" });
    return fields.map((_, i) => JSON.stringify(rows.map((row) => JSON.stringify(row[i])).sort()));
  } catch {
    return undefined;
  }
}

/** How many columns could be compared: those of which the lineage says that the secret does not matter. */
async function compare(t: Test, texts: readonly string[]): Promise<{ same: number; others: number }> {
  let same = 0;
  let others = 0;
  for (const text of texts) {
    const { outputs = [], predicates, gaps } = lineageOfOne(text, catalog);
    if (gaps.length > 0 || predicates.includes(SECRET)) continue;
    const [one, two] = [
      await columnsOf(databases[0] ?? admin, text),
      await columnsOf(databases[1] ?? admin, text),
    ];
    if (one === undefined || two === undefined) continue;
    for (const [i, { name, from }] of outputs.entries()) {
      if (from.includes(SECRET)) {
        others++;
        continue;
      }
      same++;
      if (one[i] !== two[i]) t.fail(text, { column: name, one: one[i], two: two[i] });
    }
  }
  return { same, others };
}

t.test("the tables' statements give the same where the secret is not in their lineage", async (t) => {
  // What differs between two databases in any case, is left to chance, or keeps others waiting.
  const apart = /now\(|pg_class|pg_authid|tableoid|tablesample|nextval|pg_sleep|pg_advisory/;
  const texts = reading.map(([text]) => text).filter((text) => !apart.test(text));
  const { same, others } = await compare(t, texts);
  t.ok(same > 60, `${same} columns are the same`);
  t.ok(others > 30, `${others} depend on the secret`);
});

t.test("generated queries give the same where the secret is not in their lineage", async (t) => {
  const texts = Array.from({ length: 2_000 }, (_, seed) => generatedQuery(seed));
  const { same, others } = await compare(t, texts);
  t.ok(same > 1_000, `${same} columns are the same`);
  t.ok(others > 100, `${others} depend on the secret`);
});
