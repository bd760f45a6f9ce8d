import type { Identity } from "@gatehouse/core";
import t from "tap";
import { identity, load, policy, problemsOf, request } from "./fixtures.ts";

const head = (access: string, targets = "[orders]", more = "") =>
  `who: { everyone: true }\ntargets: ${targets}\n${more}access: ${access}`;
const allow = "  - allow: reads";
const dba = "{ approvers: { groups: [dba] } }";

/** What getting in to orders as reader needs. */
function access(texts: readonly string[], who: Identity = identity()) {
  const { target, level } = request();
  return load(texts).access({ identity: who, target, level });
}

t.test("without the key in any policy, nobody needs more than a rule", async (t) => {
  t.equal(access([policy(allow)]), undefined);
  t.equal(access([]), undefined);
});

t.test("the terms are as they are written, and there where they are left out", async (t) => {
  const written = `
  approvers: [{ groups: [dba], count: 2 }, { subjects: [ann] }]
  expires: 10m
  lasts: 30m
  reason: [requester, requester]
  message: Say which ticket it is for.`;
  const rule = { policy: "sample", rule: "access", source: "a.yaml:4" };
  const common = { rule, scope: { same: "command", for: "once" }, unanswered: "refuse" };
  t.same(access([policy(allow, head(written))]), {
    holds: [
      {
        ...common,
        approvers: [
          { groups: ["dba"], count: 2 },
          { subjects: ["ann"], count: 1 },
        ],
        expires: 600_000,
        reasons: ["requester"],
        message: "Say which ticket it is for.",
      },
    ],
    lasts: 1_800_000,
  });
  t.same(access([policy(allow, head(dba))]), {
    holds: [{ ...common, approvers: [{ groups: ["dba"], count: 1 }], expires: 900_000, reasons: [] }],
    lasts: 3_600_000,
  });
});

t.test("of several policies each has to be met, and the shortest time counts", async (t) => {
  const one = policy(allow, head("{ approvers: { groups: [dba] }, lasts: 2h }"));
  const other = one.replace("sample", "other").replace("dba", "security").replace("2h", "30m");
  const open = policy(allow).replace("sample", "open");
  const terms = access([one, other, open]);
  t.same(
    terms?.holds.map(({ approvers }) => approvers),
    [[{ groups: ["dba"], count: 1 }], [{ groups: ["security"], count: 1 }]],
  );
  t.equal(terms?.lasts, 1_800_000);
});

t.test("it is for whom the policy is for, there where it is for, whatever its rules are", async (t) => {
  const analysts = policy(allow, `who: { groups: [analysts] }\ntargets: [orders]\naccess: ${dba}`);
  t.ok(access([analysts]));
  t.equal(access([analysts], identity({ groups: ["others"] })), undefined);
  t.ok(access([policy(allow, head(dba, '["*"]'))]));
  t.equal(access([policy(allow, head(dba, "[billing]"))]), undefined);
  t.ok(access([policy(allow, head(dba, "[orders]", "levels: [reader]\n"))]));
  t.equal(access([policy(allow, head(dba, "[orders]", "levels: [writer]\n"))]), undefined);
  t.ok(access([policy('  - block: nothing\n    when: "false"', head(dba))]));
});

t.test("an identity has the same terms each time, and no rule more by them", async (t) => {
  const engine = load([policy('  - block: nothing\n    when: "false"', head(dba))]);
  const { identity: who, target, level } = request();
  t.equal(engine.access({ identity: who, target, level }), engine.access({ identity: who, target, level }));
  t.notOk(engine.admits({ identity: who, target, level }));
});

t.test("every error of the key names its place and what would be right", async (t) => {
  const cases: [string, RegExp][] = [
    ["dba", /^expected a map of keys, found "dba"$/],
    ["{}", /approvers/],
    ["{ expires: 15m }", /approvers/],
    ["{ approvers: { kinds: [human] } }", /^expected groups, subjects or both/],
    ["{ approvers: { groups: [dba] }, last: 1h }", /^"last" is not a key .*; did you mean "lasts"\?$/],
    ["{ approvers: { groups: [dba] }, lasts: 30s }", /^expected a time from 1m to 1d, .*, found "30s"$/],
    ["{ approvers: { groups: [dba] }, lasts: 25h }", /^expected a time from 1m to 1d/],
    ["{ approvers: { groups: [dba] }, expires: 5s }", /^expected a time from 10s to 1d/],
    ["{ approvers: { groups: [dba] }, reason: [requestr] }", /did you mean "requester"\?$/],
    ["{ approvers: { groups: [dba] }, scope: { for: session } }", /^"scope" is not a key/],
    ["{ approvers: { groups: [dba] }, breakGlass: { groups: [oncall] } }", /^"breakGlass" is not a key/],
    ["{ approvers: { groups: [dba] }, then: allow-with-mask }", /^"then" is not a key/],
    ['{ approvers: { groups: [dba] }, message: "two\\nlines" }', /^expected a message: one line/],
  ];
  for (const [written, expected] of cases) {
    const problems = problemsOf(policy(allow, head(written)));
    t.match(problems, { length: 1 }, written);
    t.match(problems[0], { line: 4, message: expected }, written);
  }
});
