import t from "tap";
import { loadPolicies, policyFileJsonSchema } from "../src/index.ts";
import { detectors, facts, policy, problemsOf, targets } from "./fixtures.ts";

const good = `policy: orders for analysts
who: { groups: [analysts] }
targets: [orders]
levels: [reader]
rules:
  - allow: reads
    when: sql.access == "read"
  - block: schema changes
    when: 'sql.access == "ddl"'
    message: Schema changes go through migrations.
`;

t.test("a good file loads, and says what is in it", async (t) => {
  const files = [{ path: "orders.yaml", text: good }];
  const loaded = loadPolicies({ files, targets, facts, detectors, onError: () => undefined });
  t.same(loaded.ok && loaded.policies, [{ title: "orders for analysts", file: "orders.yaml", rules: 2 }]);
});

t.test("every error of a file names its line, its column and what would be right", async (t) => {
  const cases: [string, string, string, RegExp][] = [
    ["policy:", "polcy:", "1:1", /"polcy" is not a key that may stand here; did you mean "policy"/],
    ["policy: orders for analysts\n", "", "1:1", /"policy" is missing/],
    ["orders for analysts", '" "', "1:9", /expected a title: one line of 1 to 100 characters/],
    ["orders for analysts", '"a\\nb"', "1:9", /expected a title: one line/],
    ["who: { groups: [analysts] }", "who: {}", "2:1", /at least one of groups, subjects, kinds/],
    ["groups:", "group:", "2:8", /did you mean "groups"/],
    ["groups:", "__proto__:", "2:8", /"__proto__" is not a key/],
    ["[analysts]", "[]", "2:8", /expected at least one group/],
    ["groups: [analysts]", "kinds: [humen]", "2:16", /expected one of .* did you mean "human"/],
    ["groups: [analysts]", "everyone: false", "2:18", /expected one of "true"/],
    ["{ groups:", "{ everyone: true, groups:", "2:1", /`everyone: true` stands alone/],
    ["[orders]", "[ordres]", "3:11", /"ordres" is not a configured target; did you mean "orders"/],
    ["[orders]", "[constructor]", "3:11", /"constructor" is not a configured target/],
    ["[orders]", '[orders, "*"]', "3:1", /"\*" alone/],
    [
      "[reader]",
      "[raeder]",
      "4:10",
      /"raeder" is not a level of any of these targets; did you mean "reader"/,
    ],
    ["[reader]", "[auditor]", "4:10", /"auditor" is not a level of any/],
    [
      "- allow: reads",
      "- allow: reads\n    block: reads",
      "6:5",
      /exactly one of allow, block, hold and mask/,
    ],
    ["- allow: reads\n    when:", "- when:", "6:5", /exactly one of allow, block, hold and mask/],
    [
      "- block: schema changes",
      "- allow: schema changes",
      "10:14",
      /a message may stand only with block or hold$/,
    ],
    ["block: schema changes", "block: reads", "8:12", /another rule of this policy has this title/],
    ["when: sql", "wehn: sql", "7:5", /"wehn" is not a key .* did you mean "when"/],
    ['sql.access == "read"', "true", "7:11", /expected a string, found true/],
    ["- allow: reads\n", "- allow: reads\n    with: hash\n", "7:11", /`with` may stand only with mask/],
    ["targets:", "functions: { reads: [total] }\ntargets:", "3:22", /expected schema\.function$/],
    ["targets:", "functions: { drops: [a.b] }\ntargets:", "3:14", /"drops" is not a key/],
    ["targets:", "functions: {}\ntargets:", "3:1", /expected reads, writes or both/],
    ["analysts] }", "analysts }", "2:26", /./],
  ];
  for (const [from, to, place, message] of cases) {
    const problems = problemsOf(good.replace(from, to)).filter((problem) => message.test(problem.message));
    t.equal(problems[0] && `${problems[0].line}:${problems[0].column}`, place, `${to}: ${String(message)}`);
  }
});

t.test("every error of a condition names its place inside the file and the nearest right word", async (t) => {
  const cases: [string, number, RegExp][] = [
    ['sql.acces == "read"', 4, /^"sql" has no field "acces"; did you mean "access"\?$/],
    ['sql.access == "read" && sql.nothing', 28, /^"sql" has no field "nothing"; it has access, verbs/],
    ['identity.group == "x"', 9, /"identity" has no field "group"; did you mean "groups"/],
    ['target.nam == "x"', 7, /did you mean "name"/],
    ['session.cleint == "x"', 8, /did you mean "client"/],
    ['true && sqll.access == "read"', 8, /^"sqll" is not a variable .*; did you mean "sql"\?$/],
    ['access == "read"', 0, /^"access" is not a variable .*; did you mean "sql.access"\?$/],
    ['nonsense == "read"', 0, /there are sql, identity, target, session, time$/],
    ["constructor", 0, /"constructor" is not a variable/],
    ["sql.access == 3", 0, /no such overload: string == int/],
    ["sql.access", 0, /expected a condition that is true or false, found a value of type string/],
    ["sql.statements", 0, /found a value of type int/],
    ["sql.access ==", 13, /does not parse: Unexpected token: EOF/],
    ['sql.access = "read"', 11, /does not parse: Unexpected character/],
    ['sql.text.startWith("x")', 9, /^"startWith" is not a function of `when`; did you mean "startsWith"\?$/],
    ["siz(sql.verbs) > 1", 0, /"siz" is not a function .* did you mean "size"/],
    ["sql.text.contains(3)", 0, /found no matching overload for 'string.contains\(int\)'/],
    ["time.getHours(3) == 1", 0, /'timestamp.getHours\(int\)'/],
    [
      'true || sql.text.matches("(a+)+b")',
      17,
      /`matches` is refused: .* use startsWith, endsWith, contains or ==/,
    ],
    ["has(sql.acces)", 0, /`has` is refused/],
    ["dyn(sql.access) == 1", 0, /`dyn` is refused/],
    ['sql["acces"] == "x"', 0, /name a field of "sql": sql\.access, sql\.verbs/],
    ['time.getHours("Europe/Berln") > 8', 14, /^getHours can't read "Europe\/Berln"$/],
    ['time > timestamp("tomorrow")', 17, /^timestamp can't read "tomorrow"$/],
    ['time - duration("5 minutes") > time', 16, /^duration can't read "5 minutes"$/],
    ['sql.statements == int("one")', 22, /^int can't read "one"$/],
    ["sql == sql", 0, /name a field of "sql"/],
    ["cel.bind(x, sql.text + sql.text, x == x)", 4, /"bind" is not a function/],
    ["sql.reads.exists(a, sql.writes.exists(b, a == b))", 31, /stands inside another list function/],
    ['http.method == "GET"', 0, /^no target of this policy has "http"; its targets have sql$/],
    ['sql.access == "read" && ssh.command == ""', 24, /^no target of this policy has "ssh"/],
    [`${"(".repeat(50)}true${")".repeat(50)}`, 32, /the condition is too large: Exceeded maxDepth/],
    [`sql.text in [${'"x",'.repeat(600)}]`, 13 + 4 * 500, /too large: Exceeded maxListElements/],
  ];
  for (const [when, offset, message] of cases) {
    const plain = problemsOf(policy(`  - allow: it\n    when: ${when}`));
    const [problem] = plain;
    t.match(problem?.message, message, when);
    t.equal(problem && `${problem.line}:${problem.column}`, `6:${11 + offset}`, when);
    const quoted = problemsOf(policy(`  - allow: it\n    when: '${when}'`));
    t.match(quoted[0]?.message, message, `quoted: ${when}`);
    t.equal(plain.length, 1, "one problem for one mistake");
  }
});

t.test("a condition that is nested deeper than the parser's stack is a problem, not a crash", async (t) => {
  const [problem] = problemsOf(policy(`  - allow: it\n    when: '${"!".repeat(4000)}true'`));
  t.match(problem?.message, /the condition is (nested too deeply|too large)/);
  const [long] = problemsOf(policy(`  - allow: it\n    when: '${"x".repeat(5000)}'`));
  t.match(long?.message, /expected at most 4096 characters/);
});

t.test("a condition of two protocols fits none", async (t) => {
  const text = policy(
    '  - allow: it\n    when: sql.access == "read" || http.method == "GET"',
    'who: { everyone: true }\ntargets: ["*"]',
  );
  const [problem] = problemsOf(text);
  t.match(problem?.message, /names facts of two protocols, .*: write a rule for each/);
  t.equal(problem?.column, 35);
});

t.test("two policies may not have one title", async (t) => {
  const [problem, ...others] = problemsOf(good, good);
  t.match(problem, { file: "b.yaml", line: 1, column: 9, message: /the policy at a\.yaml:1 has this title/ });
  t.equal(others.length, 0);
});

t.test("the problems of all files are told together", async (t) => {
  const files = [good.replace("sql.access", "sql.acess"), good.replace("[orders]", "[ordrs]")];
  t.same(
    problemsOf(...files)
      .map(({ file }) => file)
      .sort(),
    ["a.yaml", "b.yaml", "b.yaml"],
  );
});

t.test("every target is no target where none is configured", async (t) => {
  const files = [
    { path: "a.yaml", text: good.replace("[orders]", '["*"]').replace("levels: [reader]\n", "") },
  ];
  const loaded = loadPolicies({ files, targets: new Map(), facts, detectors, onError: () => undefined });
  t.match(!loaded.ok && loaded.problems, [{ message: "no target is configured" }]);
});

t.test("a target whose protocol declares no facts is the gateway's own fault", async (t) => {
  t.throws(
    () => loadPolicies({ files: [], targets, facts: new Map(), detectors, onError: () => undefined }),
    {
      code: "INTERNAL",
      message: /declares no facts; no policy was loaded/,
    },
  );
});

t.test("the version tells files apart by name and content, and by nothing else", async (t) => {
  const versionOf = (...files: { path: string; text: string }[]) => {
    const loaded = loadPolicies({ files, targets, facts, detectors, onError: () => undefined });
    return loaded.ok ? loaded.engine.version : "not loaded";
  };
  const a = { path: "a.yaml", text: good };
  const b = { path: "b.yaml", text: good.replace("analysts", "others") };
  t.match(versionOf(a, b), /^[0-9a-f]{12}$/);
  t.equal(versionOf(a, b), versionOf(b, a));
  const versions = [versionOf(), versionOf(a), versionOf(b), versionOf(a, b)];
  versions.push(versionOf({ ...a, path: "c.yaml" }), versionOf({ ...a, text: `${good}# changed\n` }));
  t.equal(new Set(versions).size, versions.length);
});

t.test("other tags of a target make another version, since masks rest on them", async (t) => {
  const versionOf = (tags: ReadonlyMap<string, readonly string[]>) => {
    const tagged = new Map([["orders", { protocol: "postgres", levels: ["reader"], tags }]]);
    const files = [{ path: "a.yaml", text: good }];
    const loaded = loadPolicies({ files, targets: tagged, facts, detectors, onError: () => undefined });
    return loaded.ok ? loaded.engine.version : "not loaded";
  };
  const email = new Map([["pii.email", ["public.customers.email"]]]);
  const versions = [versionOf(new Map()), versionOf(email), versionOf(new Map([["pii.email", ["a.b.c"]]]))];
  t.equal(new Set(versions).size, 3);
  t.equal(versionOf(new Map(email)), versions[1]);
});

t.test("other patterns of the config's detectors make another version too", async (t) => {
  const versionOf = (patterns: Readonly<Record<string, string>>) => {
    const files = [{ path: "a.yaml", text: good }];
    const loaded = loadPolicies({ files, targets, facts, detectors, patterns, onError: () => undefined });
    return loaded.ok ? loaded.engine.version : "not loaded";
  };
  const [one, other] = [{ "custom.badge": "B-[0-9]+" }, { "custom.badge": "C-[0-9]+" }];
  t.equal(new Set([versionOf({}), versionOf(one), versionOf(other)]).size, 3);
  const both = { ...one, "custom.case": "K-[0-9]+" };
  t.equal(versionOf(both), versionOf(Object.fromEntries(Object.entries(both).reverse())));
});

t.test("the schema for editors knows the file's words", async (t) => {
  const schema = JSON.stringify(policyFileJsonSchema());
  for (const word of [
    "policy",
    "who",
    "everyone",
    "targets",
    "levels",
    "rules",
    "allow",
    "mask",
    "hold",
    "when",
  ]) {
    t.match(schema, `"${word}"`);
  }
  t.match(policyFileJsonSchema(), {
    additionalProperties: false,
    required: ["policy", "who", "targets", "rules"],
  });
});
