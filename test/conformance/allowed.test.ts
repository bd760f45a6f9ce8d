import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { type Allowed, allowedFile, judge, readAllowed, stale } from "./allowed.ts";
import { hunksOf } from "./compare.ts";
import { complaints, failedStraight, summary, table } from "./report.ts";

const ONE = "-1 row\n+2 rows\n";
const OTHER = "+DETAIL:  more\n";
const forGuc: Allowed = { test: "regress/guc", hunk: ONE, reason: "rows are counted otherwise" };
const forAny: Allowed = { hunk: OTHER, reason: "details are given" };

t.test("a diff's hunks are told apart, and stand without their line numbers", async (t) => {
  const diff = `--- one\n+++ other\n@@ -1 +1 @@\n${ONE}@@ -40,0 +41 @@ create table\n${OTHER}`;
  t.same(hunksOf(diff), [ONE, OTHER]);
  t.same(hunksOf(""), [], "no difference is no hunk");
});

t.test("a line of output that looks like a hunk's header stays a line", async (t) => {
  t.same(hunksOf("--- one\n+++ other\n@@ -1 +0,0 @@\n-@@ -5 +5 @@\n"), ["-@@ -5 +5 @@\n"]);
});

t.test("a hunk is allowed once for each time that it stands in the list", async (t) => {
  t.match(judge("regress/guc", [ONE], [forGuc]), { allowed: [forGuc], unexpected: [], missing: [] });
  t.match(judge("regress/guc", [ONE, ONE], [forGuc]), { allowed: [forGuc], unexpected: [ONE] });
  t.match(judge("regress/xml", [ONE], [forGuc]), { allowed: [], unexpected: [ONE] }, "in its test alone");
});

t.test("another difference in the same test is unexpected", async (t) => {
  t.match(judge("regress/guc", [ONE, "-1 row\n+3 rows\n"], [forGuc]), { unexpected: ["-1 row\n+3 rows\n"] });
});

t.test("an allowed hunk that is not found is missing", async (t) => {
  t.match(judge("regress/guc", [], [forGuc]), { missing: [forGuc] });
});

t.test(
  "a hunk that is allowed everywhere is so in any test, however often, and has to be in one",
  async (t) => {
    const list = [forAny];
    const found = judge("regress/xml", [OTHER, OTHER], list);
    t.match(found, { allowed: [forAny, forAny], unexpected: [], missing: [] });
    t.same(stale(list, [found]), []);
    t.same(stale(list, [judge("regress/xml", [], list)]), [forAny]);
  },
);

t.test("an entry for a test that no suite has is stale", async (t) => {
  t.same(stale([forGuc], [judge("regress/xml", [], [forGuc])]), [forGuc]);
});

t.test("the list in the repository can be read; one that does not fit can't", async (t) => {
  t.ok((await readAllowed(allowedFile)).length > 0);
  const file = join(t.testdir(), "differences.yaml");
  await writeFile(file, "- reason: because\n  test: {}\n");
  await t.rejects(readAllowed(file), /"test" is not a key that may stand here/);
});

t.test(
  "the report has a line for each test that differs, and the text of what is not as listed",
  async (t) => {
    const rows = [
      { straight: true, gateway: false, ...judge("regress/guc", [ONE, OTHER], [forAny]) },
      {
        straight: true,
        gateway: undefined,
        ...judge("regress/xml", [], [{ ...forGuc, test: "regress/xml" }]),
      },
      { straight: true, gateway: true, ...judge("regress/boolean", [], []) },
    ];
    t.equal(
      table(rows),
      `test         straight  gateway  differences
regress/guc  ok        failed   1 NOT ALLOWED; 1 allowed: details are given
regress/xml  ok        not run  1 ALLOWED BUT NOT FOUND
`,
    );
    t.equal(
      summary(rows),
      `suite    tests  same  allowed  not allowed
regress  3      1     0        2
`,
    );
    const text = complaints(rows, [forAny]);
    t.match(text, "regress/guc: a difference that is not allowed\n    -1 row\n    +2 rows\n");
    t.match(text, "regress/xml: an allowed difference that is no more\n");
    t.match(text, "allowed everywhere, found nowhere\n    +DETAIL:  more\n");
  },
);

t.test("the summary counts each suite, and all of them", async (t) => {
  const row = (test: string, hunks: readonly string[]) => ({
    straight: true,
    gateway: hunks.length === 0,
    ...judge(test, hunks, [forAny]),
  });
  t.equal(
    summary([row("regress/guc", [OTHER]), row("regress/xml", []), row("isolation/nowait", [ONE, OTHER])]),
    `suite      tests  same  allowed  not allowed
regress    2      1     1        0
isolation  1      0     0        1
all        3      1     1        1
`,
  );
});

t.test("a test that failed straight is named: with whether it did so through the gateway", async (t) => {
  const none = judge("regress/guc", [], []);
  const rows = [
    { ...none, straight: false, gateway: false },
    { ...none, test: "regress/xml", straight: false, gateway: true },
    { ...none, test: "regress/boolean", straight: true, gateway: true },
  ];
  t.equal(
    failedStraight(rows),
    "Not as the suite expects, on either way: regress/guc\n" +
      "Not as the suite expects, straight alone: regress/xml\n",
  );
});
