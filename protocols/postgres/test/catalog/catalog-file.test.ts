import { parseJson } from "@gatehouse/documents";
import { startPostgres } from "@gatehouse/testkit";
import { loadModule } from "libpg-query";
import pg from "pg";
import t from "tap";
import type { CatalogData } from "../../src/catalog/catalog.ts";
import { catalogFile, readCatalogFile } from "../../src/catalog/catalog-file.ts";
import { CatalogIndex } from "../../src/catalog/catalog-index.ts";
import { said } from "../lineage/said.ts";
import { SCHEMA } from "../lineage/schema.ts";
import { changing, reading } from "../lineage/statements.data.ts";
import { catalogOf, lineageOfOne } from "../support/described.ts";

await loadModule();
const server = await startPostgres();
t.teardown(() => server.stop());

async function filled(database: string, ...texts: readonly string[]): Promise<CatalogData> {
  const own = { host: server.host, port: server.port, ...server.superuser };
  const admin = new pg.Client({ ...own, database: "postgres" });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${database}`);
  await admin.end();
  const client = new pg.Client({ ...own, database });
  await client.connect();
  for (const text of texts) await client.query(text);
  await client.end();
  return (await catalogOf(server, database)).data;
}

const QUOTED = `CREATE FUNCTION public.fine(int) RETURNS bool LANGUAGE sql AS 'SELECT true';
  CREATE DOMAIN public.checked AS int CHECK (public.fine(VALUE));
  CREATE TABLE public.parts (id int PRIMARY KEY CHECK (public.fine(id)), whole int REFERENCES public.parts ON DELETE CASCADE ON UPDATE CASCADE);
  CREATE SCHEMA "a.b"; CREATE TYPE "a.b"."t""" AS ENUM (); CREATE TABLE "a.b"."q""" (x "a.b"."t""")`;
const data = await filled("one", SCHEMA, QUOTED);
const text = catalogFile(data);

function parsed(written: string) {
  const result = parseJson(written, "orders.catalog.json");
  if (!result.ok) return { problems: result.problems };
  const read = readCatalogFile(result.document.value);
  return read.ok ? { data: read.value } : { problems: result.document.problems(read.issues) };
}

t.test("a catalog that was in a file says the same of every statement", async (t) => {
  const { data: read } = parsed(text);
  if (!read) throw new Error("it must be readable");
  t.equal(catalogFile(read), text, "and would be the same file");
  const index = new CatalogIndex(read);
  for (const [statement, expected] of [...reading, ...changing]) {
    t.equal(said(lineageOfOne(statement, index)), expected, statement);
  }
});

t.test("nothing that is known of an object is lost", async (t) => {
  const { data: read } = parsed(text);
  if (!read) throw new Error("it must be readable");
  const keys = (value: unknown): string[] =>
    typeof value !== "object" || value === null
      ? []
      : Object.entries(value).flatMap(([key, inner]) => [
          ...(Array.isArray(value) ? [] : [key]),
          ...keys(inner),
        ]);
  t.same([...new Set(keys(read))].sort(), [...new Set(keys(data))].sort());
  const ofServer = ({ routines, relations }: CatalogData) =>
    [...routines, ...relations]
      .filter(({ id }) => id < 16_384)
      .map(({ schema, name }) => `${schema}.${name}`);
  t.same(ofServer(read).sort(), ofServer(data).sort(), "and what is the server's own stays that");
});

t.test("two databases that have the same have the same file, whatever their object ids", async (t) => {
  const again = await filled("other", "CREATE TABLE gone (id int)", QUOTED, "DROP TABLE gone", SCHEMA);
  const idOf = ({ relations }: CatalogData) => relations.find(({ name }) => name === "customers")?.id;
  t.not(idOf(again), idOf(data));
  t.equal(catalogFile(again), text);
});

t.test("one column more is one line more, and somebody's own comes first", async (t) => {
  const [table] = data.relations.filter(({ name }) => name === "customers");
  if (!table) throw new Error("there is a table of customers");
  const wider = { ...table, columns: [...table.columns, { name: "phone", number: 9, type: 25 }] };
  const relations = data.relations.map((one) => (one === table ? wider : one));
  const before = new Set(text.split("\n"));
  const lines = catalogFile({ ...data, relations }).split("\n");
  t.same(
    lines.filter((line) => !before.has(line)),
    // The one before it has a comma now.
    ['      {"name":"doc","number":5,"type":"jsonb"},', '      {"name":"phone","number":9,"type":"text"}]},'],
  );
  t.ok(text.indexOf('"schema":"public"') < text.indexOf('"schema":"information_schema"'));
});

t.test("a file that is wrong is refused with its place", async (t) => {
  for (const [from, to, message] of [
    ['"catalog": 1', '"catalog": 2', /^expected a catalog of format 1, as `gatehouse policy catalog`/],
    [
      '"type":"jsonb"',
      '"type":"public.mod"',
      /^"public\.mod" is not a type of this file; did you mean "public\.mood"/,
    ],
    ['"type":"jsonb"', '"type":-1', /./],
    ['"type":"jsonb"', '"typ":"jsonb"', /^"typ" is not a key .* did you mean "type"/],
    ['"parents":["public.events"]', '"parents":["public.event"]', /did you mean "public\.events"/],
    ['"kind":"view"', '"kind":"vew"', /^expected one of .* did you mean "view"/],
    ['"rules":', '"rules"', /^the file is no JSON: expected ':'/],
  ] as const) {
    const wrong = text.replace(from, to);
    const at = text.slice(0, text.indexOf(from)).split("\n").length;
    const problem = parsed(wrong).problems?.find((found) => message.test(found.message));
    t.match(problem, { file: "orders.catalog.json", line: at }, to);
  }
  for (const wrong of ["", "[]", "null", "{}", text.slice(0, -3)])
    t.ok(parsed(wrong).problems?.length, wrong.slice(0, 9));
});
