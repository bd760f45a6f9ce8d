// Promise 1, as the database sees it: no byte that carries a command reaches a target without a permit.
import { once } from "node:events";
import { truncate } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import {
  admin,
  type AuditLine,
  auditLines,
  connected,
  demoFor,
  eventually,
  refusal,
  refusedLogin,
  stateOf,
  writer,
} from "./environment.ts";
import { message, RawSession } from "./raw.ts";

const demo = await demoFor(t);
const superuser = await admin(t, demo);
// Every statement that reaches the server is in its log, with the time, the user and the process before it.
for (const setting of ["log_statement = 'all'", "log_line_prefix = '%m|%u|%a|%p|'", "log_timezone = 'UTC'"]) {
  await superuser.query(`alter system set ${setting}`);
}
await superuser.query("select pg_reload_conf()");
await eventually(async () => {
  const { rows } = await superuser.query<{ log_statement: string }>("show log_statement");
  return rows[0]?.log_statement === "all";
});

/** What the analyst may not do; MARK is replaced by a text that is found again. */
const REFUSED = [
  "drop table orders /*MARK*/",
  "drop table if exists MARK cascade",
  "create table MARK (id int)",
  "create table MARK as select * from customers",
  "select * into MARK from customers",
  "alter table orders add column MARK int",
  "create or replace function MARK() returns int language sql as 'select 1'",
  "create temp table MARK (id int)",
  "create view MARK as select * from customers",
  "create index MARK on orders (id)",
  "comment on table orders is 'MARK'",
  "grant all on orders to public /*MARK*/",
  "update orders set status = 'MARK'",
  "update orders set status = 'MARK' where id = 1 returning *",
  "delete from orders where status = 'MARK'",
  "insert into products values (0, 'MARK', 1)",
  "insert into products values (1, 'MARK', 1) on conflict (id) do update set name = 'MARK'",
  "merge into products p using orders o on p.id = o.id when matched then update set name = 'MARK'",
  "truncate payments /*MARK*/",
  "with gone as (delete from orders returning id) select count(*) as MARK from gone",
  "with made as (insert into products values (0, 'MARK', 1) returning 1) select 1",
  "explain analyze delete from orders where status = 'MARK'",
  "explain (analyze, verbose) update orders set status = 'MARK'",
  "prepare MARK as delete from orders",
  "declare MARK cursor for select * from orders for update",
  "select * from orders where status = 'MARK' for update",
  "select * from orders where status = 'MARK' for share",
  "lock table orders in access exclusive mode /*MARK*/",
  "do $$ begin raise notice 'MARK'; end $$",
  "call MARK()",
  "select MARK()",
  "select customer_email(1) /*MARK*/",
  "select pg_read_file('/etc/MARK')",
  "select pg_terminate_backend(0) /*MARK*/",
  "select lo_import('/tmp/MARK')",
  "select dblink('MARK', 'select 1')",
  "select query_to_xml('delete from MARK', true, true, '')",
  "select nextval('MARK')",
  "select pg_advisory_lock(1) /*MARK*/",
  "copy orders to program 'echo MARK'",
  "copy orders to '/tmp/MARK'",
  "copy orders from stdin /*MARK*/",
  "set role postgres /*MARK*/",
  "set session authorization postgres /*MARK*/",
  "set session_replication_role = replica /*MARK*/",
  "set client_encoding = 'SJIS' /*MARK*/",
  "alter role orders_reader password 'MARK'",
  "alter system set log_statement = 'none' /*MARK*/",
  "create role MARK superuser",
  "vacuum full orders /*MARK*/",
  "reindex table orders /*MARK*/",
  "refresh materialized view MARK",
  "notify MARK",
  "load 'MARK'",
  "create extension MARK",
  "prepare transaction 'MARK'",
  "select 1; drop table orders /*MARK*/",
  "select 1; select 2; delete from orders /*MARK*/; select 3",
  "selec 1 /*MARK*/",
  "select 'unterminated MARK",
  "drop table orders; --MARK",
  "/* select */ delete from orders /*MARK*/",
  "DeLeTe FrOm orders /*MARK*/",
  'delete from "orders" /*MARK*/',
  "(((delete from orders))) /*MARK*/",
  "\ufeffdelete from orders /*MARK*/",
  "values ((select 1 from customer_email(1) /*MARK*/))",
] as const;

const allowed = [
  "select id, name from customers order by id limit 2",
  "select count(*) as n from orders where status = 'open'",
  "with o as (select * from orders) select count(*) from o",
  "values (1), (2)",
  "show server_version",
  "begin",
  "select 1 as in_a_transaction",
  "commit",
  "explain select * from orders",
  "table products",
  "set statement_timeout = '30s'",
] as const;

t.test("of what is refused, no text reaches the server, and the session goes on after each", async (t) => {
  const client = await connected(t, demo);
  // What an extended query leaves out: the server's log has the parts of the simple one.
  for (const [index, template] of REFUSED.entries()) {
    const marked = (form: string) => template.replaceAll("MARK", `refused_${form}_${index}`);
    const errors = [
      await refusal(client.query(marked("simple"))),
      await refusal(client.query({ name: `n${index}`, text: marked("named") })),
      await refusal(client.query(marked("unnamed"), [])),
    ];
    for (const { severity, code } of errors) {
      t.equal(severity, "ERROR", template);
      t.match(code, /^(42501|42601|0A000)$/, template);
    }
    t.same((await client.query("select 1 as n")).rows, [{ n: 1 }], template);
  }
  await client.query("select 'the last one' as refusals_are_over");
  await eventually(() => demo.database.server.log().includes("refusals_are_over"));
  for (const form of ["simple", "named", "unnamed"]) {
    t.notMatch(demo.database.server.log(), new RegExp(`refused_${form}_`));
  }
});

/** A whole extended query, up to its Execute. */
const extended = (text: string) =>
  Buffer.concat([
    message("P", Buffer.from(`\0${text}\0\0\0`, "latin1")),
    message("B", Buffer.from("\0\0\0\0\0\0\0\0", "latin1")),
    message("E", Buffer.from("\0\0\0\0\0", "latin1")),
  ]);
const sync = message("S", Buffer.alloc(0));

t.test(
  "in a pipeline, what stands before a refused text is run; it, and the rest up to the Sync, is not",
  async (t) => {
    const session = await RawSession.open(demo, Number(demo.variables["PGPORT"]));
    session.socket.write(
      Buffer.concat([
        extended("select 'before' as pipelined"),
        extended("drop table refused_in_pipeline"),
        extended("select 'skipped' as pipelined"),
        sync,
        extended("select 'after' as pipelined"),
        sync,
        message("Q", Buffer.from("select 'simple' as pipelined\0")),
        message("Q", Buffer.from("delete from refused_simple_pipeline\0")),
        message("Q", Buffer.from("select 'end' as pipelined\0")),
      ]),
    );
    const answers = await session.answers(5);
    t.equal(answers.map(({ type }) => type).join(""), "12DCEZ12DCZTDCZEZTDCZ");
    for (const { text } of answers.filter(({ type }) => type === "E")) t.match(text, "C42501");
    await eventually(() => demo.database.server.log().includes("'end' as pipelined"));
    t.match(demo.database.server.log(), "'before' as pipelined");
    t.notMatch(demo.database.server.log(), "'skipped' as pipelined");
    t.notMatch(demo.database.server.log(), /refused_(in|simple)_pipeline/);
    session.socket.end(message("X", Buffer.alloc(0)));
  },
);

t.test(
  "a transaction that had a refusal is failed, as after any error, and can be rolled back",
  async (t) => {
    const client = await connected(t, demo);
    await client.query("begin");
    t.match(await refusal(client.query("drop table refused_transaction")), { code: "42501" });
    t.match(await refusal(client.query("select 1")), { code: "25P02" });
    await client.query("rollback");
    t.same((await client.query("select 1 as n")).rows, [{ n: 1 }]);
    t.notMatch(demo.database.server.log(), "refused_transaction");
  },
);

/** The statements that clients ran, as the server logged them; what the gateway itself asks of the catalog is nobody's command. */
function logged(): { readonly time: string; readonly text: string }[] {
  const pattern =
    /^(\S+ \S+) UTC\|gh_\w+\|[^|]*\|\d+\|LOG: {2}(?:statement|execute [^:]+): (.*(?:\n\t.*)*)$/gm;
  return [...demo.database.server.log().matchAll(pattern)].map(([, time = "", text = ""]) => ({
    time: `${time.replace(" ", "T")}Z`,
    text: text.replaceAll("\n\t", "\n"),
  }));
}

t.test(
  "each statement in the server's log has an event before it that allows it, and one for each",
  async (t) => {
    const reader = await connected(t, demo);
    for (const text of allowed) {
      await reader.query(text);
      await reader.query({ name: `a${allowed.indexOf(text)}`, text });
    }
    const write = await connected(t, demo, writer(demo));
    await write.query("update orders set status = $1 where id = $2", ["open", 7]);
    await write.query("select 'all has been asked' as that_was_all");
    for (const client of [reader, write]) {
      const ended = once(client, "end");
      await client.end();
      await ended;
    }
    await eventually(() => demo.database.server.log().includes("that_was_all"));
    const free = new Set(
      (await auditLines(stateOf(demo))).filter(
        (line): line is AuditLine & { type: "command" } =>
          line.type === "command" && line.decision.effect === "allow",
      ),
    );
    const statements = logged();
    t.ok(statements.length > 2 * allowed.length, "the log was read");
    for (const { time, text } of statements) {
      const [event] = [...free].filter((line) => line.command.text === text && line.time <= time);
      if (event) free.delete(event);
      else t.fail(`ran without an event: ${text}`, { time });
    }
  },
);

// The last one: the demo's audit log is not whole after it.
t.test(
  "when the audit log can't take the event, nothing reaches the server, and nobody new gets in",
  async (t) => {
    const client = await connected(t, demo);
    await truncate(join(stateOf(demo), "audit", "audit.jsonl"), 0);
    const notAudited = { severity: "ERROR", code: "XX000", message: /could not be put on the audit log/ };
    t.match(await refusal(client.query("select 'not_audited' as simple")), notAudited);
    t.match(await refusal(client.query("select $1 as not_audited", ["extended"])), notAudited);
    t.match(await refusal(client.query("drop table orders /*not_audited*/")), notAudited);
    t.match(await refusedLogin(demo, {}), { severity: "FATAL", code: "XX000" });
    await superuser.query("select 'that was it' as audit_is_over");
    await eventually(() => demo.database.server.log().includes("audit_is_over"));
    t.notMatch(demo.database.server.log(), "not_audited");
  },
);
