import t from "tap";
import { Analyzer } from "../../src/analysis/analyzer.ts";

const analyzer = new Analyzer();
t.teardown(() => analyzer.dispose());
const analyze = async (text: string) => analyzer.analyze(text, "public");

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
  const small = new Analyzer({ stack: 1 });
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 40; i++) {
    const deep = breaking["a long sum"](10_000 + i);
    t.match(await small.analyze(deep, "public"), { ok: false, why: "unparsable" });
    t.match(await small.analyze(`select ${i} from orders`, "public"), { ok: true });
  }
  await small.dispose();
  // A thread that is thrown away takes its memory with it; forty of them kept would be gigabytes.
  t.ok(process.memoryUsage().rss - before < 1024 * 1024 * 1024);
});

t.test("what is asked at the same time as a statement that breaks the parser is answered", async (t) => {
  const small = new Analyzer({ stack: 1 });
  const texts = [
    "select 1 from a",
    breaking["a long sum"](10_000),
    "select 1 from b",
    "selekt",
    "select 1 from c",
  ];
  const results = await Promise.all(texts.map(async (text) => small.analyze(text, "public")));
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

t.test("the same text in another schema is another analysis", async (t) => {
  const [one, other] = await Promise.all([
    analyzer.analyze("select * from a", "one"),
    analyzer.analyze("select * from a", "other"),
  ]);
  t.match(one, { analysis: { reads: ["one.a"] } });
  t.match(other, { analysis: { reads: ["other.a"] } });
});

t.test("a known text is answered at once", async (t) => {
  await analyze("select 'known'");
  t.notOk(analyzer.analyze("select 'known'", "public") instanceof Promise);
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
  const waiting = ["select 1", "select 2"].map(async (text) => own.analyze(text, "public"));
  await own.dispose();
  for (const result of await Promise.all(waiting)) t.match(result, { ok: false, why: "unparsable" });
  t.match(await own.analyze("select 1", "public"), { ok: true });
  await own.dispose();
});
