import { loadModule, parseSync } from "libpg-query";
import t from "tap";
import type { Effect } from "../../src/analysis/analysis.ts";
import { analyze } from "../../src/analysis/analyze.ts";

await loadModule();

function analysisOf(text: string) {
  const reading = { path: ["public"], backslashes: false, touched: false, usesUser: false };
  return analyze(text, parseSync(text).stmts ?? [], reading).analysis;
}

/** An effect in a word or two. */
function said(effect: Effect): string {
  const name = "name" in effect ? ` ${effect.name ?? "*"}` : "";
  const hold = effect.kind === "declare" && effect.hold ? " hold" : "";
  return `${effect.statement} ${effect.kind}${name}${hold}`;
}

const effects: readonly (readonly [string, readonly string[]])[] = [
  ["select 1", []],
  ["prepare s as select 1", ["0 prepare s"]],
  ["execute s", ["0 execute s"]],
  ["explain execute s", ["0 execute s"]],
  ["explain (analyze) execute s(1)", ["0 execute s"]],
  ["create table a as execute s", ["0 execute s"]],
  ["explain analyze create table a as execute s", ["0 execute s"]],
  ["deallocate s", ["0 deallocate s"]],
  ["deallocate prepare all", ["0 deallocate *"]],
  ["declare c cursor for select 1", ["0 declare c"]],
  ["declare c scroll cursor with hold for select 1", ["0 declare c hold"]],
  ["declare c insensitive no scroll cursor without hold for select 1", ["0 declare c"]],
  ["explain analyze declare c cursor for select 1", []],
  ["explain declare c cursor for select 1", []],
  ["fetch all from c", ["0 fetch c"]],
  ["move c", ["0 fetch c"]],
  ["close c", ["0 close c"]],
  ["close all", ["0 close *"]],
  ["discard all", ["0 discard", "0 reading"]],
  ["discard plans", []],
  ["begin", []],
  ["savepoint a; release a", []],
  ["commit", ["0 transaction"]],
  ["end and chain", ["0 transaction"]],
  ["rollback", ["0 transaction"]],
  ["rollback to s", ["0 transaction"]],
  ["prepare transaction 'x'", ["0 transaction"]],
  ["commit prepared 'x'; rollback prepared 'x'", []],
  [
    "select 1; deallocate a; select 2; deallocate b; commit",
    ["1 deallocate a", "3 deallocate b", "4 transaction"],
  ],
  ["set search_path = a", ["0 reading"]],
  ["set local search_path = a", ["0 reading"]],
  ["set search_path from current", ["0 reading"]],
  ["reset search_path", ["0 reading"]],
  ["set schema 'a'", ["0 reading"]],
  ["set names 'utf8'", ["0 reading"]],
  ["set standard_conforming_strings = off", ["0 reading"]],
  ["reset all", ["0 reading"]],
  ["set role a", ["0 reading"]],
  ["set role none", ["0 reading"]],
  ["reset role", ["0 reading"]],
  ["set session authorization default", ["0 reading"]],
  ["set datestyle = iso", []],
  ["set work_mem = '1GB'", []],
  ["set transaction read only", []],
  ["select set_config('search_path', 'a', false)", ["0 reading"]],
  ["select set_config('role', $1, false)", ["0 reading"]],
  ["select set_config('datestyle', $1, false)", []],
  ["select 1; select 2 where set_config('search_path', $1, true) = 'a'", ["1 reading"]],
  // What is not known may set whatever it likes.
  ["select f()", ["0 reading"]],
  ["select f(g()), h() from a", ["0 reading"]],
  ["select 1; do 'begin end'; call p()", ["1 reading", "2 reading"]],
  ["explain select f()", ["0 reading"]],
  // What a function, a role or a database is given is not the session's.
  ["create function f() returns int language sql set search_path = a as 'select 1'", []],
  ["alter role r set search_path = a", []],
  ["alter database d set standard_conforming_strings = off", []],
  ["alter system set search_path = a", []],
];

for (const [text, expected] of effects) {
  t.test(text, async (t) => t.strictSame(analysisOf(text).effects.map(said), expected));
}

t.test("names are what they are to the server: folded, and cut at 63 bytes", async (t) => {
  const names = (text: string) => analysisOf(text).effects.map((effect) => "name" in effect && effect.name);
  t.strictSame(names('execute ABC; execute "ABC"'), ["abc", "ABC"]);
  t.strictSame(names(`deallocate ${"n".repeat(64)}`), ["n".repeat(63)]);
  t.strictSame(names(`close "${"ö".repeat(32)}"`), ["ö".repeat(31)], "in whole characters");
});

t.test("a PREPARE and a DECLARE are told with what they will run, and with their own text", async (t) => {
  const text =
    "select 'größe'; prepare p (int) as delete from a where id = $1;declare c cursor for select f(x) from b";
  const [prepare, , declare] = analysisOf(text).effects;
  t.match(prepare, {
    statement: 1,
    kind: "prepare",
    text: / *prepare p \(int\) as delete from a where id = \$1$/,
    body: {
      statements: 1,
      access: "write",
      own: "write",
      verbs: ["DELETE"],
      writes: ["public.a"],
      effects: [],
    },
  });
  t.match(declare, {
    statement: 2,
    kind: "declare",
    text: "declare c cursor for select f(x) from b",
    body: {
      statements: 1,
      access: "unknown",
      verbs: ["SELECT"],
      reads: ["public.b"],
      functions: ["public.f"],
    },
  });
});

t.test("what a prepared statement will set is its own effect, and not that of its PREPARE", async (t) => {
  const analysis = analysisOf("prepare p as select set_config('search_path', 'a', false)");
  t.match(analysis.effects, [{ kind: "prepare", body: { effects: [{ statement: 0, kind: "reading" }] } }]);
  t.equal(analysis.effects.length, 1);
});

t.test("a PREPARE is as what it prepares, and is refused where that is", async (t) => {
  t.match(analysisOf("prepare p as with x as (delete from a returning *) select * from x, b"), {
    access: "write",
    own: "write",
    verbs: ["PREPARE", "SELECT", "DELETE"],
    reads: ["public.a", "public.b"],
    writes: ["public.a"],
    unfiltered: true,
  });
  t.match(analysisOf("prepare p as select set_config($1, 'x', false)"), {
    unsupported: /has to be a literal/,
  });
});

t.test("what is run by name is unknown, and the text's own part is told apart", async (t) => {
  const access = (text: string) => {
    const { access, own } = analysisOf(text);
    return `${access} ${own}`;
  };
  t.equal(access("execute p"), "unknown read");
  t.equal(access("execute p(f())"), "unknown unknown");
  t.equal(access("fetch c"), "unknown read");
  t.equal(access("create table a as execute p"), "unknown ddl");
  t.equal(access("explain execute p"), "unknown read");
  t.equal(access("delete from a; execute p"), "unknown write");
  t.equal(access("deallocate p; close c"), "read read");
  t.equal(access("select f()"), "unknown unknown");
});

t.test("who asks is set by no text, however it is written", (t) => {
  for (const text of [
    "set gatehouse.subject = 'dba'",
    'set local "Gatehouse".Subject to dba',
    "select set_config('gatehouse.subject', 'dba', false)",
    "select set_config(name => 'GATEHOUSE.SUBJECT', setting => 'dba', is_local => true) from t",
    "reset gatehouse.subject",
    "alter role current_user set gatehouse.subject = 'dba'",
    "alter database shop set gatehouse.subject = 'dba'",
    "create function f() returns int language sql set gatehouse.subject = 'dba' as 'select 1'",
    "alter function f() set gatehouse.subject = 'dba'",
    "update pg_settings set setting = 'dba' where name = 'gatehouse.subject'",
  ]) {
    const { unsupported, access } = analysisOf(text);
    t.ok(unsupported !== undefined || access === "admin" || access === "ddl", `${text}: ${access}`);
  }
  t.end();
});
