import { loadModule, parseSync, scanSync } from "libpg-query";
import t from "tap";
import type { Reading } from "../../src/analysis/analysis.ts";
import { analyze } from "../../src/analysis/analyze.ts";
import { shapeOf } from "../../src/analysis/shape.ts";
import { definitions } from "./definitions.data.ts";
import { changing, reading, settings } from "./statements.data.ts";

await loadModule();
const PUBLIC: Reading = { path: ["public"], backslashes: false, touched: false, usesUser: false };

/** A shape with the places of numbers and strings made visible. */
function shown(text: string): string | undefined {
  return shapeOf(text)?.replaceAll("\u0001", "‹n›").replaceAll("\u0002", "‹s›");
}

const shapes: readonly (readonly [string, string | undefined])[] = [
  ["select 1", "select ‹n›"],
  ["select 'it''s', ''", "select ‹s›, ‹s›"],
  ["select ''''", "select ‹s›"],
  ["select 'a'\n'b'", "select ‹s›\n‹s›"],
  ["select 'a' -- '\n 'b'", "select ‹s› -- '\n ‹s›"],
  ["select '--', '/*', '\"', '$$'", "select ‹s›, ‹s›, ‹s›, ‹s›"],
  ["select a1, a$1, größe2 from t_3", "select a1, a$1, größe2 from t_3"],
  ["select $1, $2::int", "select $1, $2::int"],
  ['select "a\'b", "c""1", "--" from t', 'select "a\'b", "c""1", "--" from t'],
  ["select /* ' 1 \" -- */ 2", "select /* ' 1 \" -- */ ‹n›"],
  ["select 1 -- ' 2 /*\n, 3", "select ‹n› -- ' 2 /*\n, ‹n›"],
  ["select 1 -- 2\r, 3", "select ‹n› -- 2\r, ‹n›"],
  ["select 1 -- 'open", "select ‹n› -- 'open"],
  ["select 1/**/-/***/-1", "select ‹n›/**/-/***/-‹n›"],
  ["select 5-3, -1, +2, 1::int, 4/2", "select ‹n›-‹n›, -‹n›, +‹n›, ‹n›::int, ‹n›/‹n›"],
  ["select 1--2", "select ‹n›--2"],
  ["select 1 +-- 2\n 3", "select ‹n› +-- 2\n ‹n›"],
  [
    "select a[1:2], 'x'::varchar(5), interval '1' day",
    "select a[‹n›:‹n›], ‹s›::varchar(‹n›), interval ‹s› day",
  ],
  ["select * from a limit 10 offset 20", "select * from a limit ‹n› offset ‹n›"],
  ["select 999999999, 007", "select ‹n›, ‹n›"],
  ["select a.b, t.*, a .b", "select a.b, t.*, a .b"],
  ["", ""],
  // Nobody is sure of these at a glance.
  ["select 1000000000", undefined],
  ["select 1.5", undefined],
  ["select 1.", undefined],
  ["select .5", undefined],
  ["select 1..2", undefined],
  ["select 1e5", undefined],
  ["select 0x1F", undefined],
  ["select 1_000", undefined],
  ["select 1a", undefined],
  ["select 1ö", undefined],
  ["select 1$", undefined],
  ["select $1a", undefined],
  ["select $1$1", undefined],
  ["select e'x'", undefined],
  ["select E'it\\'s'", undefined],
  ["select b'1', x'1f'", undefined],
  ["select n'x'", undefined],
  ["select U&'x'", undefined],
  ['select u&"x"', undefined],
  ["select typee'x'", undefined],
  ["select öe'x'", undefined],
  ["select date'2020-01-01'", undefined],
  ["select '\\'", undefined],
  ['select "\\"', undefined],
  ["select $$'$$", undefined],
  ["select $a$'$a$", undefined],
  ["select a$b$'x'", undefined],
  ["select $ 1", undefined],
  ["select 'open", undefined],
  ["select 'open''", undefined],
  ['select "open', undefined],
  ["select /* open", undefined],
  ["select /*/", undefined],
  ["select /* /* */ */ 1", undefined],
  ["select /* /*/ 1 */ 2", undefined],
  ["select \u0001", undefined],
  ["select \u0002, 'x'", undefined],
  ["select 1\0", undefined],
  ["select\u000b1", undefined],
];

for (const [text, expected] of shapes) {
  t.test(JSON.stringify(text), async (t) => t.equal(shown(text), expected));
}

/** Numbers from 0 to below `limit`, the same in every run. */
function seeded(seed: number) {
  let state = seed;
  return (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

type Random = ReturnType<typeof seeded>;
const pick = <T>(random: Random, list: readonly T[]): T | undefined => list[random(list.length)];

const INSIDE = ["", "a", "''", "--", "/*", "*/", '"', "$$", "$1", "e", "U&", "1", "\n", ";", "ö", " "];
const someString = (random: Random) =>
  `'${Array.from({ length: random(4) }, () => pick(random, INSIDE)).join("")}'`;
const someNumber = (random: Random) =>
  pick(random, ["0", "1", "007", "24", "99", "12345", "999999999"]) ?? "0";

/** Another text of this shape. */
function filled(shape: string, random: Random): string {
  return Array.from(shape, (one) =>
    one === "\u0001" ? someNumber(random) : one === "\u0002" ? someString(random) : one,
  ).join("");
}

/** What PostgreSQL's lexer makes of a text, with the values of plain literals left out. */
function tokens(text: string): string {
  try {
    const bytes = Buffer.from(text);
    const all = scanSync(text).tokens.map(({ start, end, tokenType }) => {
      const token = bytes.toString("utf8", start, end);
      const plain = /^(\d{1,9}$|'([^']|'')*'($|\s))/.test(token);
      return plain ? `${tokenType}` : `${tokenType} ${token}`;
    });
    return all.join("\n");
  } catch {
    return "no tokens";
  }
}

const PIECES = [
  "1",
  "23",
  "'a'",
  "''",
  "'it''s'",
  '"',
  '"a"',
  "'",
  "''",
  "e",
  "E",
  "x",
  "n",
  "U",
  "u&",
  "&",
  "a",
  "ö",
]
  .concat([
    "$",
    "$1",
    "$$",
    "$a$",
    ".",
    ",",
    "-",
    "--",
    "/",
    "*",
    "/*",
    "*/",
    "+",
    "|",
    ":",
    "::",
    "=",
    "(",
    ")",
  ])
  .concat([
    " ",
    " ",
    " ",
    "\n",
    "\r",
    "\t",
    "\\",
    "_",
    "0",
    "9",
    ";",
    "select",
    "from",
    "limit",
    "interval",
    "@",
    "1e",
  ]);

t.test("texts of one shape are the same tokens to PostgreSQL's lexer, but for literals", async (t) => {
  const random = seeded(3);
  let shaped = 0;
  for (let i = 0; i < 30_000; i++) {
    const text = Array.from({ length: 1 + random(12) }, () => pick(random, PIECES)).join("");
    const shape = shapeOf(text);
    if (shape === undefined) continue;
    shaped++;
    const other = filled(shape, random);
    if (shapeOf(other) !== shape)
      t.fail(`${JSON.stringify(text)} and ${JSON.stringify(other)} differ in shape`);
    if (tokens(other) !== tokens(text)) t.fail(`${JSON.stringify(text)} is not as ${JSON.stringify(other)}`);
  }
  t.ok(shaped > 5_000, "enough of them have one");
});

t.test("what can be shared is the same for every text of a shape", async (t) => {
  const random = seeded(4);
  const all = [...reading, ...changing, ...settings, ...definitions].map(([text]) => text);
  const found = (text: string) => analyze(text, parseSync(text).stmts ?? [], PUBLIC);
  let shared = 0;
  for (const text of all) {
    const shape = shapeOf(text);
    if (shape === undefined || shape === text) continue;
    const { analysis, literals, spellsSecret } = found(text);
    if (literals || spellsSecret) continue;
    shared++;
    for (let i = 0; i < 20; i++) {
      const other = filled(shape, random);
      try {
        t.strictSame(found(other).analysis, analysis, other);
      } catch {
        // float(99) is an error to the grammar itself: the server says so, whatever the gateway has made of it.
      }
    }
  }
  t.ok(shared > 50, "enough of them can be shared");
});

t.test("what rests on a literal is not shared", async (t) => {
  for (const text of [
    "set search_path = a, 'b'",
    "set datestyle = 'iso'",
    "select set_config('datestyle', 'iso', false)",
    "select 1 where set_config($1, 'x', true) = 'y'",
    "explain (analyze 0) delete from a",
    "explain (analyze 'off') delete from a",
    "prepare p as select 1",
    "declare c cursor for select 1",
  ]) {
    const { literals } = analyze(text, parseSync(text).stmts ?? [], PUBLIC);
    t.equal(literals, true, text);
  }
});
