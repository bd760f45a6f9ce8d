import type { Misfit, Transform } from "@gatehouse/core";
import { createMemoryLog, startPostgres } from "@gatehouse/testkit";
import { Secret, systemClock } from "@gatehouse/core";
import pg from "pg";
import t from "tap";
import { CatalogCache } from "../../src/catalog/catalog-cache.ts";
import { typeName } from "../../src/catalog/type-names.ts";
import { misfits } from "../../src/masking/misfits.ts";
import { maskOf } from "../support/masking.ts";
import { leaseOf, targetAt } from "../support/target.ts";

const server = await startPostgres();
t.teardown(() => server.stop());
const { user, password } = server.superuser;
const admin = new pg.Client({ host: server.host, port: server.port, database: "postgres", user, password });
await admin.connect();
t.teardown(() => admin.end());
await admin.query(`
  create domain email as text;
  create domain work_email as email;
  create type mood as enum ('good', 'bad');
  create table people (
    id int primary key, email work_email, phones text[], emails email[], born date, seen timestamptz,
    mood mood, token uuid, rank smallint, "e.mail" varchar(20));
  create view staff as select id as number, email, born from people;
  create table visits (seen timestamptz, born date);
  create sequence born`);

const cache = new CatalogCache({
  target: targetAt([server]),
  lease: () => Promise.resolve(leaseOf(user, new Secret(password))),
  clock: systemClock,
  log: createMemoryLog(),
});
t.teardown(() => cache.dispose());
const catalog = await cache.fresh();

function found(pattern: string, transform: Transform): readonly Misfit[] {
  return misfits([maskOf([pattern], transform)], catalog);
}

function messages(pattern: string, transform: Transform): readonly string[] {
  return found(pattern, transform).map(({ severity, message }) => `${severity}: ${message}`);
}

const hash: Transform = { kind: "hash" };
const partial: Transform = { kind: "partial", of: "text" };
const REMEDY = `; write redact or "null" for it`;

t.test("masks that fit have nothing said of them", async (t) => {
  for (const [pattern, transform] of [
    ["public.people.email", partial],
    ["public.people.phones", partial],
    ["public.people.id", hash],
    ["public.people.token", hash],
    ["public.staff.email", hash],
    ['public.people."e.mail"', partial],
    ["*.*.e*mail", partial],
    ["*.*.seen", { kind: "redact" }],
    ["*.*.*", { kind: "null" }],
    ["public.people.id", { kind: "constant", value: "0" }],
    ["public.people.born", { kind: "constant", value: "1970-01-01" }],
  ] as const) {
    t.same(messages(pattern, transform), [], pattern);
  }
});

t.test("a transform that can't be put on a column's type names both", async (t) => {
  for (const [pattern, transform, message] of [
    ["public.people.id", partial, "`partial` can't be put on public.people.id, whose type is int4"],
    ["public.people.rank", hash, "`hash` can't be put on public.people.rank, whose type is int2"],
    ["public.people.seen", hash, "`hash` can't be put on public.people.seen, whose type is timestamptz"],
    ["public.people.mood", hash, "`hash` can't be put on public.people.mood, whose type is public.mood"],
    [
      "public.people.emails",
      hash,
      "`hash` can't be put on public.people.emails, whose type is public.email[]",
    ],
    ["public.staff.born", hash, "`hash` can't be put on public.staff.born, whose type is date"],
    [
      "public.people.id",
      { kind: "constant", value: "x" },
      "this constant can't be put on public.people.id, whose type is int4",
    ],
    [
      "public.people.phones",
      { kind: "constant", value: "x" },
      "this constant can't be put on public.people.phones, whose type is text[]",
    ],
  ] as const) {
    t.same(messages(pattern, transform), [`error: ${message}${REMEDY}`]);
  }
});

t.test("a pattern with a star is told once for each type, with the first column of it", async (t) => {
  t.same(messages("*.*.born", hash), [
    `error: \`hash\` can't be put on public.people.born (*.*.born), whose type is date, nor 2 more of its kind${REMEDY}`,
  ]);
  t.equal(found("public.people.*", hash).length, 5);
  t.same(
    found("public.people.*", hash).map(({ column }) => column),
    Array.from({ length: 5 }, () => "public.people.*"),
  );
  t.same(messages("*.*.relname", partial), [], "PostgreSQL's own relations are not meant by a star");
  t.match(messages("pg_catalog.pg_class.oid", hash), [/whose type is oid/], "but by their names");
});

t.test("a column that there is not is a warning, with the nearest that there is", async (t) => {
  for (const [pattern, nearest] of [
    ["public.people.emial", '; did you mean "email"?'],
    ["public.poeple.email", '; did you mean "people"?'],
    ["publik.people.email", ""],
    ["public.people.salary", ""],
    ["*.*.salary", ""],
    ["public.born.last_value", ""],
    ["public.People.email", '; did you mean "people"?'],
  ] as const) {
    t.same(messages(pattern, hash), [
      `warning: there is no column ${pattern}: nothing is hidden by it${nearest}`,
    ]);
  }
});

t.test("masks that only look for values ask nothing of columns", async (t) => {
  t.same(misfits([maskOf([], hash, { detect: ["pii.email"] })], catalog), []);
});

t.test("types are called as the server calls them", async (t) => {
  const { rows } = await admin.query<{ oid: number; name: string; array: number }>(
    `select oid::int, typname as name, typarray::int as array from pg_type
     where typname in (select udt_name from information_schema.columns) and oid < 10000 and typtype <> 'p'
       and typname !~ '^(_|pg_|reg|oidvector|int2vector|xid|cid|anyarray|aclitem)'`,
  );
  t.ok(rows.length > 10);
  for (const { oid, name, array } of rows) {
    t.equal(typeName(oid, catalog), name);
    t.equal(typeName(array, catalog), `${name}[]`);
  }
  t.equal(typeName(5, catalog), "the object id 5");
});
