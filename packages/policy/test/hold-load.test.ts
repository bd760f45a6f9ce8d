import t from "tap";
import { load, policy, problemsOf, request } from "./fixtures.ts";

const rule = `  - hold: deletes
    when: '"DELETE" in sql.verbs'
    approvers: { groups: [dba] }
    expires: 15m
    reason: approver
    scope: { same: shape, for: 15m }
    breakGlass: { groups: [oncall] }
    then: refuse
    message: Ask the DBAs on call first.
  - allow: everything`;

t.test("every error of a hold rule names its place and what would be right", async (t) => {
  const one = "approvers: { groups: [dba] }";
  const nobody = /^expected groups, subjects or both: kinds alone would be everybody$/;
  const masked = "then: allow-with-mask\n    columns: [a.b.c]\n    with: redact";
  const cases: [string, string, string, RegExp][] = [
    [`    ${one}\n`, "", "5:5", /^"approvers" is missing: who may say yes, such as \{ groups: \[dba\] \}$/],
    [one, "aprovers: { groups: [dba] }", "7:5", /^"aprovers" is not a key .*; did you mean "approvers"\?$/],
    [one, "approvers: dba", "7:16", /^expected a map of keys or a list, found "dba"$/],
    [one, "approvers: []", "7:5", /^expected at least one$/],
    [one, "approvers: {}", "7:5", nobody],
    [one, "approvers: { kinds: [human] }", "7:5", nobody],
    [one, "approvers: [{ groups: [dba] }, { kinds: [human] }]", "7:36", nobody],
    [one, "approvers: { group: [dba] }", "7:18", /did you mean "groups"\?$/],
    [one, "approvers: [{ grops: [dba] }]", "7:19", /did you mean "groups"\?$/],
    [one, "approvers: { groups: [] }", "7:18", /^expected at least one group$/],
    [one, "approvers: { groups: dba }", "7:26", /^expected a list, found "dba"$/],
    [one, "approvers: { groups: [dba], kinds: [humen] }", "7:41", /did you mean "human"\?$/],
    [one, "approvers: { groups: [dba], everyone: true }", "7:33", /^"everyone" is not a key/],
    [one, "approvers: { groups: [dba], count: 0 }", "7:40", /^expected at least one approver$/],
    [one, "approvers: { groups: [dba], count: 1.5 }", "7:40", /^expected a whole number, found 1\.5$/],
    [one, "approvers: { groups: [dba], count: 21 }", "7:40", /^expected at most 20 approvers$/],
    [
      one,
      "approvers: { subjects: [ann, bob, ann], count: 3 }",
      "7:52",
      /^there are not so many subjects: nobody counts twice/,
    ],
    [
      "expires: 15m",
      "expires: 5s",
      "8:14",
      /^expected a time from 10s to 1d, such as 30s or 15m, found "5s"$/,
    ],
    ["expires: 15m", "expires: 25h", "8:14", /^expected a time from 10s to 1d/],
    ["expires: 15m", "expires: 15", "8:14", /^expected a string, found 15$/],
    ["expires: 15m", "expire: 15m", "8:5", /did you mean "expires"\?$/],
    [
      "reason: approver",
      "reason: aprover",
      "9:13",
      /^expected "requester" or "approver" or a list, found "aprover"; did you mean "approver"\?$/,
    ],
    ["reason: approver", "reason: [aprover]", "9:14", /did you mean "approver"\?$/],
    ["reason: approver", "reason: []", "9:5", /^expected at least one$/],
    ["same: shape", "same: shap", "10:20", /^expected one of "command", "shape", .*did you mean "shape"\?$/],
    ["same: shape", "sam: shape", "10:14", /did you mean "same"\?$/],
    [
      "for: 15m",
      "for: sesion",
      "10:32",
      /^expected once, session, or a time from 1m to 1d, such as 15m, found "sesion"; did you mean "session"\?$/,
    ],
    ["for: 15m", "for: 30s", "10:32", /^expected once, session, or a time from 1m to 1d, .*, found "30s"$/],
    ["for: 15m", "for: once", "10:20", /^`same: shape` needs `for: session` or a time/],
    [", for: 15m", "", "10:20", /^`same: shape` needs `for: session` or a time/],
    ["groups: [oncall]", "everyone: true", "11:19", /^"everyone" is not a key/],
    ["groups: [oncall]", "kinds: [human]", "11:5", nobody],
    ["then: refuse", "then: allow", "12:11", /^expected one of "refuse", "allow-with-mask", found "allow"/],
    ["then: refuse", "than: refuse", "12:5", /did you mean "then"\?$/],
    [
      "then: refuse",
      "then: allow-with-mask\n    with: redact",
      "12:11",
      /^`then: allow-with-mask` says what it hides: at least one of columns, tags, fields and detect$/,
    ],
    ["then: refuse", "then: allow-with-mask\n    columns: [a.b.c]", "5:5", /^"with" is missing: redact/],
    [
      "then: refuse",
      masked.replace("allow-with-mask", "refuse"),
      "13:5",
      /^`columns` may stand only with `then: allow-with-mask` in a hold$/,
    ],
    ["    then: refuse", "    with: redact", "12:11", /^`with` may stand only with `then: allow-with-mask`/],
    [
      "then: refuse",
      masked.replace("columns: [a.b.c]", "tags: [pii.emial]"),
      "13:12",
      /did you mean "pii.email"/,
    ],
    [
      "then: refuse",
      masked.replace("columns: [a.b.c]", "detect: [pii.cart]"),
      "13:14",
      /did you mean "pii.card"/,
    ],
    ["then: refuse", masked.replace("redact", "partial"), "14:11", /^which part of "a\.b\.c" may stay/],
    ["hold: deletes", "hold: everything", "14:12", /another rule of this policy has this title/],
    ["hold: deletes", "hold: deletes\n    block: it", "5:5", /exactly one of allow, block, hold and mask/],
    ["message: Ask", 'message: "\\n"', "13:14", /^expected a message: one line/],
    ['"DELETE" in sql.verbs', "sql.verb == []", "6:16", /did you mean "verbs"/],
  ];
  t.same(problemsOf(policy(rule)), []);
  t.same(problemsOf(policy(rule.replace("then: refuse", masked))), []);
  for (const [from, to, place, message] of cases) {
    const text = to.startsWith("message") ? rule.replace(/message: .*/, to) : rule.replace(from, to);
    const problems = problemsOf(policy(text));
    const problem = problems.find((found) => message.test(found.message));
    t.equal(problem && `${problem.line}:${problem.column}`, place, `${to}: ${String(message)}`);
  }
});

t.test("the keys of a hold stand in no other rule", async (t) => {
  for (const key of [
    "approvers: { groups: [dba] }",
    "expires: 15m",
    "reason: approver",
    "scope: { for: session }",
    "breakGlass: { groups: [oncall] }",
    "then: refuse",
  ]) {
    for (const effect of ["allow: it", "block: it", "mask: it\n    columns: [a.b.c]\n    with: hash"]) {
      const [problem, ...others] = problemsOf(policy(`  - ${effect}\n    ${key}`));
      t.match(problem?.message, /^`\w+` may stand only with hold$/, `${key} beside ${effect}`);
      t.same(others, []);
    }
  }
  const [problem] = problemsOf(policy("  - block: it\n    then: allow-with-mask\n    columns: [a.b.c]"));
  t.equal(problem?.message, "`then` may stand only with hold");
});

t.test("what is not written is as it is anywhere", async (t) => {
  for (const [written, expected] of [
    ["", { same: "command", for: "once" }],
    ["scope: {}", { same: "command", for: "once" }],
    ["scope: { for: once }", { same: "command", for: "once" }],
    ["scope: { for: session }", { same: "command", for: "session" }],
    ["scope: { same: shape, for: session }", { same: "shape", for: "session" }],
    ["scope: { for: 24h }", { same: "command", for: 86_400_000 }],
  ] as const) {
    const decision = load([
      policy(`  - hold: it\n    approvers: { subjects: [ann] }\n    ${written}`),
    ]).decide(request());
    t.match(decision, { holds: [{ scope: expected, expires: 900_000, reasons: { length: 0 } }] }, written);
  }
});
