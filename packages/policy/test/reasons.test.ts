import t from "tap";
import { command, load, policy, request } from "./fixtures.ts";

/** Why a rule with this condition matched or did not, at a read of public.orders. */
function reasons(when: string) {
  const engine = load([policy(`  - allow: it\n    when: ${JSON.stringify(when)}`)]);
  const [rule] = engine.explain(request({ command: command("read", { text: "a (b" }) })).rules;
  return rule?.reasons.map(({ text, result, facts }) => `${text}: ${result} ${JSON.stringify(facts)}`);
}

t.test("of several parts, those are shown that the result rests on", async (t) => {
  for (const [when, ...expected] of [
    ['sql.access == "ddl"', 'sql.access == "ddl": false {"sql.access":"read"}'],
    ['sql.access == "read" && sql.unfiltered', 'sql.unfiltered: false {"sql.unfiltered":false}'],
    [
      'sql.access == "read" && sql.statements == 1',
      'sql.access == "read": true {"sql.access":"read"}',
      'sql.statements == 1: true {"sql.statements":1}',
    ],
    [
      'sql.unfiltered || identity.kind == "human"',
      'sql.unfiltered: false {"sql.unfiltered":false}',
      'identity.kind == "human": false {"identity.kind":"workload"}',
    ],
    [
      'sql.unfiltered || session.level == "reader"',
      'session.level == "reader": true {"session.level":"reader"}',
    ],
    [
      '!(sql.unfiltered || sql.access in ["read", "write"])',
      'sql.access in ["read", "write"]: true {"sql.access":"read"}',
    ],
    [
      "sql.unfiltered ? false : (sql.reads + sql.writes).size() == 0",
      'sql.unfiltered: false {"sql.unfiltered":false}',
      '(sql.reads + sql.writes).size() == 0: false {"sql.reads":["public.orders"],"sql.writes":[]}',
    ],
    [
      'sql.access == "read" && (sql.params[0] == "x" || sql.unfiltered)',
      'sql.params[0] == "x": failed {"sql.params":[]}',
    ],
    [
      'time < timestamp("2020-01-01T00:00:00Z")',
      'time < timestamp("2020-01-01T00:00:00Z"): false {"time":"2026-01-02T03:04:05.000Z"}',
    ],
  ] as const) {
    t.same(reasons(when), expected, when);
  }
});

t.test("a part is shown as it is written, whatever brackets are in it or around it", async (t) => {
  for (const [when, text] of [
    ["((sql.statements) + 1) * 2 == (4 + (5))", "((sql.statements) + 1) * 2 == (4 + (5))"],
    ['(sql.text.contains(")") || sql.unfiltered) && !sql.unfiltered', 'sql.text.contains(")")'],
    ['sql.reads.exists(t, (t == "(x"))', 'sql.reads.exists(t, (t == "(x"))'],
    ['sql.access\n  ==  "ddl"', 'sql.access == "ddl"'],
  ] as const) {
    t.match(reasons(when)?.[0], text, when);
  }
});

t.test("where a list function has a variable of its own, the whole of it is one part", async (t) => {
  const when = 'sql.reads.all(t, t.startsWith("public.") && t != "public.orders")';
  t.same(reasons(when), [`${when}: false {"sql.reads":["public.orders"]}`]);
});

t.test("a rule that was not asked has no reasons", async (t) => {
  const engine = load([
    policy('  - allow: it\n    when: sql.access == "read"', "who: { groups: [dba] }\ntargets: [orders]"),
  ]);
  t.match(engine.explain(request()).rules, [
    { outcome: { result: "not_applicable" }, reasons: { length: 0 } },
  ]);
});
