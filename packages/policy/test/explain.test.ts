import t from "tap";
import { command, identity, load, policy, type RuleError, request } from "./fixtures.ts";

const orders = `policy: orders
who: { groups: [analysts] }
targets: [orders]
levels: [reader]
rules:
  - allow: reads
    when: sql.access == "read"
  - allow: anything
  - allow: first parameter
    when: sql.params[0] == "x"
  - block: schema changes
    when: sql.access == "ddl"
`;
const everywhere = `policy: everywhere
who: { everyone: true }
targets: ["*"]
rules:
  - allow: gets
    when: http.method == "GET"
  - block: people
    when: identity.kind == "human"
`;

function outcomes(asked = request()) {
  const { decision, rules } = load([orders, everywhere]).explain(asked);
  return {
    decision,
    rules: rules.map(({ reference, outcome }) => {
      const detail =
        "because" in outcome ? outcome.because : "message" in outcome ? outcome.message : undefined;
      return `${reference.rule}: ${outcome.result}${detail === undefined ? "" : ` (${detail})`}`;
    }),
  };
}

t.test("an explanation has every rule of every policy with what it said", async (t) => {
  const { decision, rules } = outcomes();
  t.match(decision, { effect: "allow", rule: { rule: "reads" } });
  t.same(rules, [
    "reads: matched",
    "anything: matched",
    "first parameter: failed (index_out_of_bounds in `sql.params[0]`)",
    "schema changes: unmatched",
    "gets: not_applicable (protocol)",
    "people: unmatched",
  ]);
});

t.test("a rule is shown with its reference, its effect and its condition as written", async (t) => {
  const [reads, anything] = load([orders]).explain(request()).rules;
  t.same(reads, {
    reference: { policy: "orders", rule: "reads", source: "a.yaml:6" },
    effect: "allow",
    when: 'sql.access == "read"',
    outcome: { result: "matched" },
    reasons: [{ text: 'sql.access == "read"', result: true, facts: { "sql.access": "read" } }],
  });
  t.same([anything?.when, anything?.reasons], [null, []]);
});

t.test(
  "a policy that does not apply says whether it is for others, another target or another level",
  async (t) => {
    t.match(outcomes(request({ identity: identity({ groups: [] }) })).rules, ["reads: not_applicable (who)"]);
    t.match(outcomes(request({ target: "billing", level: "auditor" })).rules, [
      "reads: not_applicable (target)",
    ]);
    t.match(outcomes(request({ level: "writer" })).rules, ["reads: not_applicable (level)"]);
    t.match(outcomes(request({ target: "nowhere" })).rules.at(-1), "people: not_applicable (target)");
    t.match(outcomes(request({ level: "root" })).rules.at(-1), "people: not_applicable (level)");
  },
);

t.test("an allow rule that does not name unknown access says so", async (t) => {
  const { decision, rules } = outcomes(request({ command: command("unknown") }));
  t.equal(decision.effect, "block");
  t.same(rules.slice(0, 2), ["reads: unknown_access", "anything: unknown_access"]);
});

t.test(
  "a question is not reported as a failure, and has the decision that the command would have",
  async (t) => {
    const errors: RuleError[] = [];
    const engine = load([policy('  - block: it\n    when: sql.params[0] == "x"')], errors);
    const { decision } = engine.explain(request());
    t.equal(errors.length, 0);
    t.same(engine.decide(request()), decision);
    t.equal(errors.length, 1);
  },
);
