import t from "tap";
import { z } from "zod";
import {
  address,
  byteRate,
  byteSize,
  checkValue,
  countRate,
  duration,
  durationOrOff,
  formatProblem,
  nearest,
  oneOrMore,
  parseYaml,
  type Problem,
  secretReference,
  tcpAddress,
} from "../src/index.ts";

const schema = z.strictObject({
  listen: address(),
  timeout: duration({ min: 1000, max: 60_000 }),
  mode: z.enum(["strict", "loose"]),
  password: secretReference("/etc/app", { literals: false }),
  peers: z.record(z.string(), z.strictObject({ weight: z.int() })),
});

function problemsOf(text: string): readonly Problem[] {
  const parsed = parseYaml(text, "app.yaml");
  if (!parsed.ok) return parsed.problems;
  const checked = checkValue(schema, parsed.document.value);
  return checked.ok ? [] : parsed.document.problems(checked.issues);
}

const good = `listen: "[::1]:5432"
timeout: 30s
mode: strict
password: env:APP_PASSWORD
peers:
  a: { weight: 1 }
`;

t.test("a file that fits has no problems", async (t) => {
  t.same(problemsOf(good), []);
});

t.test("each problem names line, column, what was expected and the nearest right word", async (t) => {
  const cases: [string, string, RegExp][] = [
    [good.replace("timeout:", "timeuot:"), "2:1", /"timeuot" is not a key .*did you mean "timeout"/],
    [good.replace("timeout: 30s\n", ""), "1:1", /"timeout" is missing/],
    [good.replace("30s", "2h"), "2:10", /expected a time from 1s to 1m, such as 30s or 15m, found "2h"/],
    [
      good.replace("mode: strict", "mode: strickt"),
      "3:7",
      /expected one of "strict", "loose", found "strickt"; did you mean "strict"/,
    ],
    [good.replace("weight: 1", "weigth: 1"), "6:8", /"weigth" is not a key .*did you mean "weight"/],
    [good.replace("weight: 1", "weight: one"), "6:16", /expected a .*number.*, found "one"/],
    [good.replace("[::1]:5432", "[::1]"), "1:9", /expected host:port/],
    [good.replace("mode: strict", "mode: strict\nmode: loose"), "4:1", /[Mm]ap keys must be unique/],
    [`${good}---\nlisten: x\n`, "7:1", /document/],
    [good.replace("env:APP_PASSWORD", "!secret x"), "4:11", /tag/],
  ];
  for (const [text, place, message] of cases) {
    const [first] = problemsOf(text).filter((problem) => message.test(problem.message));
    t.equal(first && `${first.line}:${first.column}`, place, String(message));
  }
});

t.test("a refused literal secret is repeated nowhere", async (t) => {
  const problems = problemsOf(good.replace("env:APP_PASSWORD", "hunter2"));
  t.equal(problems.length, 1);
  const [problem] = problems;
  const text = problem ? formatProblem(problem) : "";
  t.match(text, "app.yaml:4:11");
  t.notMatch(text, "hunter2");
});

t.test("a problem is shown with its line and a mark below the place", async (t) => {
  const [problem] = problemsOf(good.replace("30s", "soon"));
  t.equal(
    problem && formatProblem(problem),
    [
      'app.yaml:2:10: expected a time from 1s to 1m, such as 30s or 15m, found "soon"',
      "  2 | timeout: soon",
      "    |          ^",
    ].join("\n"),
  );
});

t.test("aliases can't make a small file large", async (t) => {
  const bomb = ["a: &a [x,x,x,x,x,x,x,x,x,x]"];
  for (let level = 1; level < 9; level++) {
    const previous = String.fromCharCode(96 + level);
    const name = String.fromCharCode(97 + level);
    bomb.push(`${name}: &${name} [${Array(10).fill(`*${previous}`).join(",")}]`);
  }
  const parsed = parseYaml(bomb.join("\n"), "bomb.yaml");
  t.equal(parsed.ok, false);
});

t.test("a place inside a scalar is found in plain and quoted forms", async (t) => {
  for (const [text, column] of [
    ["when: a == b", 12],
    ["when: 'a == b'", 13],
    ['when: "a == b"', 13],
  ] as const) {
    const parsed = parseYaml(text, "p.yaml");
    t.equal(parsed.ok && parsed.document.problemWithin(["when"], 5, "no such name").column, column);
  }
});

t.test("sizes and times are read with their units and bounds", async (t) => {
  t.same(byteSize({ min: 1, max: 1024 ** 3 }).safeParse("16MiB").data, 16 * 1024 * 1024);
  t.equal(byteSize({ min: 1, max: 1024 }).safeParse("16MiB").success, false);
  t.same(duration({ min: 0, max: 86_400_000 }).safeParse("15m").data, 900_000);
  t.equal(duration({ min: 0, max: 86_400_000 }).safeParse("15").success, false);
});

t.test("the nearest word is offered only where it is near", async (t) => {
  t.equal(nearest("sql.acces", ["sql.access", "sql.verbs"]), "sql.access");
  t.equal(nearest("zzz", ["access", "verbs"]), undefined);
});

t.test("a time may be off where that is said to be one", async (t) => {
  const bounds = { min: 1000, max: 60_000 };
  t.equal(durationOrOff(bounds).safeParse("off").data, Number.POSITIVE_INFINITY);
  t.equal(durationOrOff(bounds).safeParse("30s").data, 30_000);
  t.equal(durationOrOff(bounds).safeParse("2m").success, false);
  t.equal(duration(bounds).safeParse("off").success, false);
});

t.test("an address is a host's or a socket's, or a host's alone", async (t) => {
  for (const [text, read] of [
    ["db.internal:5432", { host: "db.internal", port: 5432 }],
    ["[fe80::1]:1", { host: "fe80::1", port: 1 }],
    ["unix:/run/x", { socket: "/run/x" }],
    ["unix:/run/./a/../x/", { socket: "/run/x" }],
  ] as const) {
    t.same(address().safeParse(text).data, read, text);
    t.equal(tcpAddress().safeParse(text).success, "port" in read, text);
  }
  const longest = `/${"x".repeat(102)}`;
  t.same(address().safeParse(`unix:${longest}`).data, { socket: longest });
  for (const text of ["unix:", "unix:x", `unix:${longest}x`, "unix:/a\0b", "unix:/\u00e4", "/run/x"]) {
    t.equal(address().safeParse(text).success, false, JSON.stringify(text));
  }
});

t.test(
  "what may stand once or in a list is read as a list, and a problem in it has its own place",
  async (t) => {
    const several = z.strictObject({ at: oneOrMore(z.strictObject({ port: z.int() })) });
    t.same(checkValue(several, { at: { port: 1 } }), { ok: true, value: { at: [{ port: 1 }] } });
    t.same(checkValue(several, { at: [{ port: 1 }, { port: 2 }] }), {
      ok: true,
      value: { at: [{ port: 1 }, { port: 2 }] },
    });
    for (const [at, issue] of [
      [{ port: "x" }, { path: ["at", "port"], message: /^expected a number, found "x"$/ }],
      [[{ port: 1 }, { prot: 2 }], { path: ["at", 1, "port"], message: /^"port" is missing/ }],
      [
        { port: 1, prot: 2 },
        { path: ["at", "prot"], message: /did you mean "port"/ },
      ],
      [[{ port: 1, prot: 2 }], { path: ["at", 0, "prot"], message: /did you mean "port"/ }],
      [[], { path: ["at"], message: /^expected at least one$/ }],
      ["x", { path: ["at"], message: /^expected a map of keys or a list, found "x"$/ }],
      [undefined, { path: ["at"], message: /^"at" is missing \(expected a map of keys or a list\)$/ }],
    ] as const) {
      const result = checkValue(several, at === undefined ? {} : { at });
      t.match(result, { ok: false, issues: [issue] }, JSON.stringify(at));
    }
  },
);

t.test("a rate is an amount in a time, within bounds", async (t) => {
  const bounds = { most: 1024 ** 3, per: { min: 1000, max: 86_400_000 } };
  const count = countRate(bounds);
  const bytes = byteRate(bounds);
  t.same(count.safeParse("60/1m").data, { amount: 60, per: 60_000 });
  t.same(bytes.safeParse("100MiB/1d").data, { amount: 100 * 1024 * 1024, per: 86_400_000 });
  for (const text of [
    "0/1m",
    "60/0m",
    "60",
    "60/m",
    "60/1ms",
    "60/2d",
    "2000000000/1m",
    "1.5/1m",
    "-1/1m",
    "60/1m/1m",
  ])
    t.equal(count.safeParse(text).success, false, text);
  for (const text of ["60/1m", "0B/1m", "2GiB/1m", "1MB/1m", "1MiB/1y"])
    t.equal(bytes.safeParse(text).success, false, text);
  t.match(count.safeParse("many").error?.message, /expected a number in a time, such as 60\/1m/);
});
