import pg from "pg";
import t from "tap";
import { startFrontWithServer } from "../support/front.ts";

/* What has no grammar never reaches the server: the gateway has to say all that the server would have said. */

const { front, server, admin } = await startFrontWithServer();
const client = front.pg();
await client.connect();
t.teardown(async () => {
  await client.end();
  await admin.end();
  await front.close();
  await server.stop();
});

async function errorOf(connection: pg.Client, text: string) {
  const error: unknown = await connection.query(text).catch((error: unknown) => error);
  if (!(error instanceof pg.DatabaseError)) throw new Error(`${text}: there should have been an error`);
  const { code, message, detail, hint, position } = error;
  return { code, message, detail, hint, position };
}

const texts = [
  "selec 1",
  "select 'abc",
  "select * from a limit 1, 2",
  "drop operator === (int)",
  "create policy p on t as pessimistic",
  "create publication p for a",
  "create user a unencrypted password 'x'",
  "create table t (a int, unique (a) not valid)",
  "create table t (a int, primary key (a) no inherit)",
  "alter table t alter constraint c not valid",
  "create assertion a check (true)",
  "create extension a from b",
  "create or replace constraint trigger t after insert on t for each row execute function f()",
  "create schema if not exists s create table t ()",
  "create table t (a int references b match partial)",
  "select unique (select 1)",
  "create recursive view v (a) as select 1 with check option",
  "create table t (a int references b on update set null (a))",
  "create table t (a int references b on update set default (a))",
  "drop aggregate a (out int)",
  "create aggregate a (variadic int order by int) (sfunc = b)",
  "set catalog 'a'",
  "select * from json_table('{}', 'a' || 'b' columns (a int))",
  "alter index i alter column 99999 set statistics 1",
  "select 1::float(0)",
  "select 1::float(54)",
  "select json('1' format json encoding x)",
  "create table t (a int) partition by magic (a)",
  "create table t partition of u for values with (modulus 1, modulus 2)",
  "create table t partition of u for values with (modulus 1, remainder 2, remainder 3)",
  "create role current_role",
  "create role none",
  "create role public",
  "select rank() over (rows unbounded following)",
  "select rank() over (rows between current row and unbounded preceding)",
  "select rank() over (rows between current row and 1 preceding)",
  "select rank() over (rows between 1 following and current row)",
  "select rank() over (rows 1 following)",
  "copy t to program stdin",
  String.raw`select U&'\zz'`,
  String.raw`select U&"\zz"`,
  String.raw`select U&'\d800'`,
  String.raw`select E'\u00'`,
  String.raw`select E'\U0000000g'`,
  String.raw`select E'\U00110000'`,
  String.raw`select E'\377'`,
  String.raw`select E'\000'`,
];

for (const text of texts) {
  t.test(text, async (t) => {
    t.strictSame(await errorOf(client, text), await errorOf(admin, text));
    t.match(front.gate.events.at(-1), { type: "refused", refused: { kind: "syntax" } });
  });
}
