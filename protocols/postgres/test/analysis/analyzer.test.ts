import t from "tap";
import type { Reading } from "../../src/analysis/analysis.ts";
import { Analyzer } from "../../src/analysis/analyzer.ts";
import { ParserThread } from "../../src/analysis/parser-thread.ts";

const analyzer = new Analyzer();
t.teardown(() => analyzer.dispose());
const PUBLIC: Reading = { path: ["public"], backslashes: false, touched: false, usesUser: false };
const analyze = async (text: string) => analyzer.analyze(text, PUBLIC);

const breaking = {
  "a long sum": (n: number) => `select ${Array.from({ length: n }, () => "1").join("+")}`,
  "deep subqueries": (n: number) => `${"select (".repeat(n)}select 1${")".repeat(n)}`,
  "deep parentheses": (n: number) => `select ${"(".repeat(n)}1${")".repeat(n)}`,
  "a long union": (n: number) => Array.from({ length: n }, () => "select 1").join(" union "),
  "deep joins": (n: number) => `select from a ${"join b on true ".repeat(n)}`,
  "deep boolean logic": (n: number) => `select ${"not ".repeat(n)}true`,
  "many casts": (n: number) => `select 1${"::int".repeat(n)}`,
  "deep arrays": (n: number) => `select ${"array[".repeat(n)}1${"]".repeat(n)}`,
  "a long list": (n: number) => `select 1 where 1 in (${Array.from({ length: n }, () => "1").join(",")})`,
  "many statements": (n: number) => "select 1;".repeat(n),
};

t.test("locks inside of locks are looked at once each", async (t) => {
  let text = "select * from t for update";
  for (let level = 0; level < 40; level++) text = `select * from (${text}) x${level} for update`;
  t.match(await analyze(text), { ok: true, analysis: { access: "write", writes: ["public.t"] } });
});

for (const [what, make] of Object.entries(breaking)) {
  t.test(`${what}, as long as a statement may be, are understood or refused`, async (t) => {
    const size = make(100).length / 100;
    const result = await analyze(make(Math.floor(99_000 / size)));
    t.notMatch(result, { why: "broken" });
    t.match(await analyze(`select '${what}' from orders`), {
      ok: true,
      analysis: { reads: ["public.orders"] },
    });
  });
}

t.test("forty statements that break the parser, one after the other, break nothing else", async (t) => {
  const small = new Analyzer(() => new ParserThread(1));
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 40; i++) {
    const deep = breaking["a long sum"](10_000 + i);
    t.match(await small.analyze(deep, PUBLIC), { ok: false, why: "unparsable" });
    t.match(await small.analyze(`select ${i} from orders`, PUBLIC), { ok: true });
  }
  await small.dispose();
  // A thread that is thrown away takes its memory with it; forty of them kept would be gigabytes.
  t.ok(process.memoryUsage().rss - before < 1024 * 1024 * 1024);
});

t.test("what is asked at the same time as a statement that breaks the parser is answered", async (t) => {
  const small = new Analyzer(() => new ParserThread(1));
  const texts = [
    "select 1 from a",
    breaking["a long sum"](10_000),
    "select 1 from b",
    "selekt",
    "select 1 from c",
  ];
  const results = await Promise.all(texts.map(async (text) => small.analyze(text, PUBLIC)));
  await small.dispose();
  t.strictSame(
    results.map((result) => (result.ok ? result.analysis.reads[0] : result.why)),
    ["public.a", "unparsable", "public.b", "syntax", "public.c"],
  );
});

t.test("a NUL is refused, whatever stands behind it", async (t) => {
  t.match(await analyze("select 1\0; drop table x"), { ok: false, why: "unparsable" });
});

t.test("a syntax error is told with its place in characters", async (t) => {
  t.strictSame(await analyze("select 'größe' frm x y"), {
    ok: false,
    why: "syntax",
    message: 'syntax error at or near "x"',
    position: 20,
  });
});

t.test("the same text in another path is another analysis", async (t) => {
  const one: Reading = { ...PUBLIC, path: ["one"] };
  const other: Reading = { ...PUBLIC, path: ["other"] };
  const results = await Promise.all(
    [one, other].map((reading) => analyzer.analyze("select * from a", reading)),
  );
  t.match(results, [{ analysis: { reads: ["one.a"] } }, { analysis: { reads: ["other.a"] } }]);
  t.equal(analyzer.known("select * from a", { ...one, path: ["one"] }), results[0], "told by what it says");
  t.equal(analyzer.known("select * from a", { ...one, backslashes: true }), undefined);
  t.equal(analyzer.known("select * from a", { ...one, touched: true }), undefined);
  t.equal(analyzer.known("select * from a", { ...one, usesUser: true }), undefined);
});

t.test("a known text is answered at once, with the same object", async (t) => {
  t.equal(analyzer.known("select 'known' from a", PUBLIC), undefined);
  const result = await analyze("select 'known' from a");
  t.equal(analyzer.known("select 'known' from a", PUBLIC), result);
  t.equal(await analyze("select 'known' from a"), result);
});

t.test("texts that differ in literals alone share one analysis", async (t) => {
  const result = await analyze("select x from a where id = 1 and y = 'it''s' -- 5");
  t.equal(analyzer.known("select x from a where id = 22 and y = '--' -- 5", PUBLIC), result);
  t.equal(analyzer.known("select x from a where id = 22 and y = '--' -- 6", PUBLIC), undefined);
  t.equal(analyzer.known("select x from a where id = 2.5 and y = '--' -- 5", PUBLIC), undefined);
  const asked = [1, 2, 3, 4].map((id) => analyze(`update a set x = ${id}`));
  const [first, ...others] = await Promise.all(asked);
  for (const other of others) t.equal(other, first, "asked at the same time");
});

t.test("texts whose literals matter share nothing", async (t) => {
  t.match(await analyze("explain (analyze 'off') delete from a"), { analysis: { access: "read" } });
  t.match(await analyze("explain (analyze 'on') delete from a"), { analysis: { access: "write" } });
  t.match(await analyze("set search_path = 'one'; select from a"), { analysis: { reads: ["one.a"] } });
  t.match(await analyze("set search_path = 'two'; select from a"), { analysis: { reads: ["two.a"] } });
  t.match(await analyze("prepare p as select 1"), {
    analysis: { effects: [{ text: "prepare p as select 1" }] },
  });
  t.match(await analyze("prepare p as select 2"), {
    analysis: { effects: [{ text: "prepare p as select 2" }] },
  });
  t.match(await analyze("alter role r password 'x' valid until '1'"), { analysis: { redacted: /\*\*\*/ } });
  t.equal(analyzer.known("alter role r password 'y' valid until '1'", PUBLIC), undefined);
});

t.test("an error is its own text's, whatever has the same shape", async (t) => {
  t.match(await analyze("select 'a' frm x 1"), { ok: false, position: 16 });
  t.match(await analyze("select 'abc' frm x 1"), { ok: false, position: 18 });
});

t.test("a text can't pass for the shape of another", async (t) => {
  t.match(await analyze("select 1 from a"), { ok: true });
  for (const text of ["select \u0001 from a", "select \0 from a"]) {
    t.equal(analyzer.known(text, PUBLIC), undefined);
    t.match(await analyze(text), { ok: false });
  }
});

t.test("where a backslash escapes, only what both settings read alike is understood", async (t) => {
  const reading: Reading = { ...PUBLIC, backslashes: true };
  const alike = [
    "select 'a' from a",
    "select E'it\\'s; \\n' from a",
    "select e'a'\n'b\\'c' from a",
    "select $$\\$$, $a$'\\'$a$ from a",
    'select "x\\" from a',
    "select x from a -- \\'",
    "select /* \\' */ x from a",
    "select E'\\\\\u0001', '\u0001' from a",
  ];
  for (const text of alike) {
    t.match(await analyzer.analyze(text, reading), { ok: true, analysis: { reads: ["public.a"] } }, text);
  }
  const differing = [
    "select '\\' , '; delete from a; --'",
    "select 'it\\'s'",
    "select 'a\\\\b'",
    "select 'a'\n'b\\'",
    "select N'\\'",
    "select E'\\'', '\\' from a",
  ];
  for (const text of differing) {
    const refused = await analyzer.analyze(text, reading);
    t.match(refused, { ok: false, why: "unsupported", message: /standard_conforming_strings/ }, text);
  }
  t.match(await analyze("select '\\' from a"), { ok: true }, "and not where it does not");
});

t.test("secrets that a grammar has a place for are taken out of what is audited", async (t) => {
  const texts = [
    "alter role x password 'hunter2'",
    "alter role x /* hunter2 */ password E'\\x68unter2 hunter2' -- hunter2",
    "create user x with encrypted password $pw$hunter2$pw$ valid until 'infinity'",
    "alter role x password 'a'\n'hunter2'",
    "alter role x password U&'hunter2'",
    "alter role x set a.b = 'hunter2'",
    "alter database d set a.b = 'hunter2'",
    "alter system set primary_conninfo = 'password=hunter2'",
    "create subscription s connection 'password=hunter2' publication p",
    "alter subscription s connection 'password=hunter2'",
    "create server s foreign data wrapper w options (password 'hunter2')",
    "alter server s options (set password 'hunter2')",
    "create user mapping for x server s options (password 'hunter2')",
    "alter user mapping for x server s options (set password 'hunter2')",
    "create foreign data wrapper w options (password 'hunter2')",
    "alter foreign data wrapper w options (password 'hunter2')",
    "create foreign table a (x int) server s options (password 'hunter2')",
    "import foreign schema a from server s into b options (password 'hunter2')",
    "copy a from program 'curl -u x:hunter2 y'",
    "do $$ begin execute 'alter role x password ''hunter2''' ; end $$",
    "select 'hunter2'; alter role größe password 'hunter2'",
    "alter role x password '\u0001hunter2' -- \u001fhunter2\f\v",
  ];
  for (const text of texts) {
    const result = await analyze(text);
    const redacted = result.ok ? result.analysis.redacted : undefined;
    t.notMatch(redacted, /hunter2/, text);
    t.equal(redacted?.slice(0, 2), text.slice(0, 2), "the statement itself can still be read");
  }
  const plain = await analyze("select 'hunter2'");
  t.equal(plain.ok && plain.analysis.redacted, undefined, "others are audited as they are");
});

t.test("an analyzer that is disposed refuses what waits, and can be used again", async (t) => {
  const own = new Analyzer();
  const waiting = ["select 1", "select 2"].map(async (text) => own.analyze(text, PUBLIC));
  await own.dispose();
  for (const result of await Promise.all(waiting)) t.match(result, { ok: false, why: "unparsable" });
  t.match(await own.analyze("select 1", PUBLIC), { ok: true });
  await own.dispose();
});
