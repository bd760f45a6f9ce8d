import t from "tap";
import { readCases } from "../../src/index.ts";
import { load, policy, targets } from "../fixtures.ts";

const engine = load([
  policy(`  - allow: reads
    when: sql.access == "read"
  - hold: deletes
    when: sql.access == "write"
    approvers: { groups: [dba] }
  - mask: contact details
    columns: [public.customers.email]
    with: redact`),
]);

const catalogs = "catalogs: { orders: orders.catalog.json }\n";

const good = `cases:
  - case: analysts read
    who: { subject: ann, groups: [analysts], kind: human }
    target: orders
    level: reader
    statement: select 1
    client: 10.0.0.7
    at: 2026-01-02T10:00:00Z
    expect: { effect: allow, rule: reads, policy: sample, masks: { contact details: [email] } }
  - case: nobody drops
    who: {}
    target: billing
    level: auditor
    statement: drop table t
    expect: block
`;

const read = (text: string) => readCases({ path: "a.test.yaml", text }, engine, targets);

t.test("a file of cases is read, with what is not written left as it is anywhere", async (t) => {
  const result = read(good.concat(catalogs));
  if (!result.ok) throw new Error(result.problems[0]?.message);
  const [first, second, ...others] = result.cases;
  t.match(first, {
    title: "analysts read",
    source: "a.test.yaml:2",
    identity: { subject: "ann", groups: ["analysts"], kind: "human" },
    client: "10.0.0.7",
    at: Date.UTC(2026, 0, 2, 10),
    expected: { effect: "allow", rule: "reads", policy: "sample" },
  });
  t.same(first?.expected.masks, new Map([["contact details", ["email"]]]));
  t.match(second, {
    source: "a.test.yaml:10",
    identity: { subject: "somebody", groups: [], kind: "workload" },
    client: "127.0.0.1",
    at: undefined,
    expected: { effect: "block", rule: undefined, masks: undefined },
  });
  t.same(others, []);
});

t.test("no rule, no mask and some masks are written in ways of their own", async (t) => {
  const expected = (written: string) => {
    const result = read(catalogs + good.replace(/expect: \{.*\}\n/, `expect: ${written}\n`));
    if (!result.ok) throw new Error(result.problems[0]?.message);
    const { effect, rule, masks } = result.cases[0]?.expected ?? {};
    return [effect, rule, masks];
  };
  t.same(expected("{ effect: block, rule: null }"), ["block", null, undefined]);
  t.same(expected("{ effect: allow, masks: [] }"), ["allow", undefined, new Map()]);
  const some = new Map([["contact details", undefined]]);
  t.same(expected("{ effect: allow, masks: [contact details] }"), ["allow", undefined, some]);
  t.same(expected("{ effect: hold, rules: [deletes], masks: [] }"), ["hold", undefined, new Map()]);
});

t.test("every error of a case names its place and the nearest right name", async (t) => {
  const cases: [string, string, string, RegExp][] = [
    ["cases:", "case:", "1:1", /did you mean "cases"/],
    ["statement: select 1", "statment: select 1", "6:5", /did you mean "statement"/],
    ["    level: reader\n", "", "2:5", /"level" is missing/],
    [
      "target: orders",
      "target: ordres",
      "4:13",
      /^"ordres" is not a configured target; did you mean "orders"\?$/,
    ],
    [
      "level: auditor",
      "level: auditer",
      "13:12",
      /^"auditer" is not a level of this target; did you mean "auditor"/,
    ],
    ["rule: reads", "rule: raeds", "9:36", /^"raeds" is not the title of a rule; did you mean "reads"/],
    [
      "policy: sample",
      "policy: smaple",
      "9:51",
      /^"smaple" is not the title of a policy; did you mean "sample"/,
    ],
    [
      "contact details",
      "contact detials",
      "9:59",
      /is not the title of a mask rule; did you mean "contact details"/,
    ],
    ["contact details", "reads", "9:59", /^"reads" is not the title of a mask rule$/],
    ["[email]", "[]", "9:68", /expected at least one column or detector/],
    [
      "effect: allow",
      "effect: block",
      "9:59",
      /^masks that hide something may stand only with `effect: allow` or `effect: hold`$/,
    ],
    ["2026-01-02T10:00:00Z", "tomorrow", "8:9", /^expected a time in UTC, such as 2026-01-02T10:00:00Z$/],
    [
      "effect: allow, rule: reads",
      "effect: hold, rules: [delets]",
      "9:37",
      /^"delets" is not the title of a hold rule; did you mean "deletes"\?$/,
    ],
    [
      "effect: allow, rule: reads",
      "effect: hold, rules: [reads]",
      "9:37",
      /^"reads" is not the title of a hold rule$/,
    ],
    [
      "rule: reads",
      "rules: [deletes]",
      "9:30",
      /^rules may stand only with `effect: hold`: one rule decides all else/,
    ],
    ["expect: block", "expect: blok", "15:13", /did you mean "block"/],
    ["kind: human", "kind: humen", "3:52", /did you mean "human"/],
  ];
  for (const [from, to, place, message] of cases) {
    const result = read(good.replace(from, to));
    const problem = result.ok ? undefined : result.problems.find((found) => message.test(found.message));
    t.equal(problem && `${problem.line}:${problem.column}`, place, `${to}: ${String(message)}`);
  }
});

t.test("a policy by a name of cases is one problem, which says what is wrong", async (t) => {
  const result = read(policy("  - block: all"));
  t.match(result.ok ? [] : result.problems, [
    { line: 1, column: 1, message: /^this is a policy, and its file's name/ },
  ]);
  t.equal(result.ok || result.problems.length, 1);
});

t.test("a file names the catalogs of its targets", async (t) => {
  const result = read(catalogs + good);
  t.same(result.ok && [...result.catalogs], [["orders", "orders.catalog.json"]]);
  const stranger = read(good.replace("cases:", "catalogs: { ordres: x.json }\ncases:"));
  t.match(stranger.ok ? [] : stranger.problems, [
    { line: 1, column: 13, message: '"ordres" is not a configured target; did you mean "orders"?' },
  ]);
});

t.test("what a case expects that only a catalog can tell takes one, and the error says how", async (t) => {
  for (const expected of [
    "{ effect: allow, masks: { contact details: [email] } }",
    "{ effect: allow, masks: [contact details] }",
    "{ effect: block, masks: refused }",
    "{ effect: allow, lineage: { email: [] } }",
  ] as const) {
    const text = good.replace(/expect: \{.*\}\n/, `expect: ${expected}\n`);
    const result = read(text);
    t.match(result.ok ? [] : result.problems, [
      { line: 9, message: /`gatehouse policy catalog orders > orders\.catalog\.json`/ },
    ]);
    t.ok(read(catalogs + text).ok, expected);
  }
  t.ok(read(good.replace(/expect: \{.*\}\n/, "expect: { effect: allow, masks: [] }\n")).ok);
});

t.test("what masks hide at targets that have no catalog is told without one", async (t) => {
  const policies = load([
    policy(
      "  - allow: reads\n  - mask: addresses\n    fields: [$.email]\n    with: redact",
      "who: { everyone: true }\ntargets: [api]",
    ),
  ]);
  const text = `cases:
  - case: it is masked
    who: {}
    target: api
    level: client
    statement: GET /
    expect: { effect: allow, masks: { addresses: [$.email] } }
`;
  t.match(readCases({ path: "a.test.yaml", text }, policies, targets), { ok: true });
  t.end();
});

t.test("a refusal by masks, and where columns come from, are read as they are written", async (t) => {
  const expected = (written: string) => {
    const result = read(catalogs + good.replace(/expect: \{.*\}\n/, `expect: ${written}\n`));
    return result.ok ? result.cases[0]?.expected : result.problems[0]?.message;
  };
  t.match(expected("{ effect: block, masks: refused }"), { masks: "refused" });
  t.match(
    expected("{ effect: allow, masks: refused }"),
    /^`masks: refused` may stand only with `effect: block`$/,
  );
  t.match(expected("{ effect: allow, lineage: { e: [public.customers.email], one: [] } }"), {
    lineage: new Map([
      ["e", ["public.customers.email"]],
      ["one", []],
    ]),
  });
});
