import type { Decision, DecisionRequest } from "@gatehouse/core";
import t from "tap";
import { command, identity, load, policy, type RuleError, request } from "./fixtures.ts";

/** A hold rule, with more lines of its own. */
const hold = (title: string, when = "true", ...lines: readonly string[]) =>
  [`  - hold: ${title}`, `when: '${when}'`, "approvers: { groups: [dba] }", ...lines].join("\n    ");

const allow = '  - allow: reads\n    when: sql.access == "read"';
const block = '  - block: reads are off\n    when: sql.access == "read"';

function decided(rules: string | readonly string[], asked: DecisionRequest = request()): Decision {
  return load([policy([rules].flat().join("\n"))]).decide(asked);
}

/** What a decision comes to, and who holds it or would. */
function shown(decision: Decision): string {
  const { effect, rule } = decision;
  const titles =
    effect === "hold"
      ? decision.holds.map((one) => one.rule.rule)
      : effect === "allow"
        ? decision.brokeGlass?.map((one) => `!${one.rule}`)
        : undefined;
  return [effect, rule?.rule ?? "no rule", ...(titles ?? [])].join(" ");
}

t.test("a block wins over a hold, a hold over an allow, and a hold needs no allow", async (t) => {
  const table: [string, string[], string][] = [
    ["a hold alone", [hold("it")], "hold it it"],
    ["a hold that does not match", [hold("it", "false")], "block no rule"],
    ["a hold beside an allow", [allow, hold("it")], "hold it it"],
    ["an allow beside a hold that does not match", [hold("it", "false"), allow], "allow reads"],
    ["a block after a hold", [hold("it"), block], "block reads are off"],
    ["a block before a hold", [block, hold("it")], "block reads are off"],
    ["all three", [allow, hold("it"), block], "block reads are off"],
  ];
  for (const [name, rules, expected] of table) t.equal(shown(decided(rules)), expected, name);
});

t.test("every rule that holds it is there, in the order of files and rules", async (t) => {
  const engine = load([
    policy([hold("a"), hold("b", "false"), hold("c")].join("\n")),
    policy([allow, hold("d")].join("\n")).replace("sample", "other"),
  ]);
  t.equal(shown(engine.decide(request())), "hold a a c d");
});

t.test("a decision to hold has each rule's terms as they are written", async (t) => {
  const written = `  - hold: deletes
    approvers: [{ groups: [dba], kinds: [human], count: 2 }, { subjects: [ann, bob] }]
    expires: 90s
    reason: [requester, approver, requester]
    scope: { same: shape, for: 15m }
    then: allow-with-mask
    columns: [public.customers.email]
    with: redact
    message: Ask the DBAs on call first.
  - hold: plain
    approvers: { groups: [dba] }`;
  const rule = (title: string, line: number) => ({ policy: "sample", rule: title, source: `a.yaml:${line}` });
  const engine = load([policy(written)]);
  t.same(engine.decide(request()), {
    effect: "hold",
    rule: rule("deletes", 5),
    policyVersion: engine.version,
    holds: [
      {
        rule: rule("deletes", 5),
        approvers: [
          { groups: ["dba"], kinds: ["human"], count: 2 },
          { subjects: ["ann", "bob"], count: 1 },
        ],
        expires: 90_000,
        reasons: ["requester", "approver"],
        scope: { same: "shape", for: 900_000 },
        unanswered: [
          {
            rule: rule("deletes", 5),
            columns: ["public.customers.email"],
            detect: [],
            with: { kind: "redact" },
            predicates: "refuse",
          },
        ],
        message: "Ask the DBAs on call first.",
      },
      {
        rule: rule("plain", 14),
        approvers: [{ groups: ["dba"], count: 1 }],
        expires: 900_000,
        reasons: [],
        scope: { same: "command", for: "once" },
        unanswered: "refuse",
      },
    ],
  });
});

t.test("access that is unknown is held only where a rule that names it would let it through", async (t) => {
  const asked = request({ command: command("unknown") });
  const named = 'sql.access in ["write", "unknown"]';
  const anything = '  - allow: anything\n    when: sql.access == "unknown"';
  const table: [string, string[], string][] = [
    ["a hold that names it", [hold("it", named)], "hold it it"],
    ["a hold that does not", [hold("it")], "block no rule"],
    ["the same beside an allow that does not", [hold("it"), "  - allow: all"], "block no rule"],
    ["the same beside an allow that does", [hold("it"), anything], "hold it it"],
    [
      "the same beside an allow that does not match",
      [hold("it"), anything.replace("==", "!=")],
      "block no rule",
    ],
    ["two holds, of which one names it", [hold("a"), hold("b", named)], "hold a a b"],
    [
      "a hold that names it and does not match",
      [hold("a"), hold("b", `${named} && sql.unfiltered`)],
      "block no rule",
    ],
    ["an allow that names it", [hold("it", "false"), anything], "allow anything"],
  ];
  for (const [name, rules, expected] of table) t.equal(shown(decided(rules, asked)), expected, name);
});

t.test("what the functions of a command are listed to do is what holds it", async (t) => {
  const names = ["public.total"];
  const calling = { ...command("unknown"), userFunctions: { names, otherwise: "read" } } as const;
  const asked = request({ command: calling });
  t.equal(shown(decided(hold("it"), asked)), "block no rule");
  const lists = "who: { everyone: true }\ntargets: [orders]\nfunctions: { reads: [public.total] }";
  const listed = load([policy(hold("it", 'sql.access == "read"'), lists)]).decide(asked);
  t.match(listed, { effect: "hold", rule: { rule: "it" }, access: "read" });
});

t.test("a hold rule that fails blocks, and the failure is reported", async (t) => {
  const errors: RuleError[] = [];
  const engine = load(
    [policy([allow, hold("first"), hold("it", 'sql.params[0] == "x"')].join("\n"))],
    errors,
  );
  t.match(engine.decide(request()), {
    effect: "block",
    rule: { rule: "it" },
    message: 'The rule "it" of the policy "sample" could not be evaluated for this, so it was blocked.',
  });
  t.match(errors, [[{ rule: "it" }, "index_out_of_bounds in `sql.params[0]`"]]);
  const passing = request({ command: command("read", { params: ["y"] }) });
  t.equal(shown(engine.decide(passing)), "hold first first");
});

t.test("who may break the glass of every rule that holds it is let through, and it is said", async (t) => {
  const glass = "breakGlass: { groups: [analysts] }";
  const other = "breakGlass: { subjects: [crew-analyst], kinds: [human] }";
  const table: [string, string[], string][] = [
    ["of the one", [hold("a", "true", glass)], "allow a !a"],
    ["of both", [hold("a", "true", glass), hold("b", "true", glass)], "allow a !a !b"],
    ["of the one of two", [hold("a", "true", glass), hold("b")], "hold a a b"],
    ["in one list of two", [hold("a", "true", other)], "hold a a"],
    ["of one that does not hold it", [hold("a", "false", glass), allow], "allow reads"],
    ["of what is blocked", [hold("a", "true", glass), block], "block reads are off"],
  ];
  for (const [name, rules, expected] of table) t.equal(shown(decided(rules)), expected, name);
  const stranger = request({ identity: identity({ groups: [] }) });
  t.equal(shown(decided(hold("a", "true", glass), stranger)), "hold a a");
  const unknown = request({ command: command("unknown") });
  t.equal(shown(decided(hold("a", "true", glass), unknown)), "block no rule", "it opens no more than a yes");
  const masked = decided([hold("a", "true", glass), masking("m")]);
  t.match(masked, { effect: "allow", masks: [{ rule: { rule: "m" } }], brokeGlass: [{ rule: "a" }] });
  t.notOk("brokeGlass" in decided(allow));
});

const masking = (title: string) =>
  `  - mask: ${title}\n    columns: [public.customers.phone]\n    with: hash`;
const unanswered = ["then: allow-with-mask", 'tags: ["pii.email"]', "with: hash"] as const;

t.test("masks are on what is held, without those of nobody's answer", async (t) => {
  const decision = decided([masking("m"), hold("it", "true", ...unanswered)]);
  if (decision.effect !== "hold") throw new Error(`it was ${decision.effect}`);
  t.same(
    decision.masks?.map(({ rule }) => rule.rule),
    ["m"],
  );
  const [one] = decision.holds;
  t.match(one.unanswered, [
    { rule: { rule: "it" }, columns: ["public.customers.email", "public.suppliers.contact"] },
  ]);
  t.notOk("masks" in decided([hold("it", "true", ...unanswered)]));
});

t.test("all that nobody's answer may hide counts as what rules may hide", async (t) => {
  const everywhere = 'who: { everyone: true }\ntargets: ["*"]';
  const engine = load([policy([masking("m"), hold("it", "false", ...unanswered)].join("\n"), everywhere)]);
  const titles = (masks: readonly { readonly rule: { readonly rule: string } }[]) =>
    masks.map(({ rule }) => rule.rule);
  t.same(titles(engine.masks(request())), ["m", "it"]);
  t.equal(engine.masks(request({ identity: request().identity })).length, 2);
  t.same(titles(engine.masksAt("orders")), ["m", "it"]);
  t.same(titles(engine.masksAt("api")), ["m"], "the tag is of other targets");
});

t.test("where nobody's answer would hide nothing, it refuses", async (t) => {
  const rules = hold("it", "true", ...unanswered);
  const engine = load([
    policy(rules.replace("pii.email", "secret"), 'who: { everyone: true }\ntargets: ["*"]'),
  ]);
  const at = (asked: DecisionRequest) => {
    const decision = engine.decide(asked);
    return decision.effect === "hold" ? decision.holds[0].unanswered : decision.effect;
  };
  t.match(at(request()), [{ columns: ["public.customers.note"] }]);
  t.equal(at(request({ target: "billing", level: "auditor" })), "refuse", "billing has no such tag");
});

t.test("a hold rule admits, and says that something may be held", async (t) => {
  const about = (rules: string, changes: Parameters<typeof request>[0] = {}) => {
    const engine = load([policy(rules, "who: { groups: [analysts] }\ntargets: [orders]\nlevels: [reader]")]);
    return [engine.admits(request(changes)), engine.holds(request(changes))];
  };
  t.same(about(hold("it", "false")), [true, true]);
  t.same(about(allow), [true, false]);
  t.same(about(block), [false, false]);
  t.same(about(hold("it"), { level: "writer" }), [false, false]);
  t.same(about(hold("it"), { identity: identity({ groups: [] }) }), [false, false]);
  t.same(about(hold("it"), { target: "nowhere" }), [false, false]);
});

t.test("the same rules have the same list of holds, for every command and identity", async (t) => {
  const engine = load([policy([hold("a"), hold("b", 'sql.text == "select 1"')].join("\n"))]);
  const holdsOf = (changes: Parameters<typeof request>[0] = {}) => {
    const decision = engine.decide(request(changes));
    return decision.effect === "hold" ? decision.holds : undefined;
  };
  const both = holdsOf();
  t.equal(both?.length, 2);
  t.equal(holdsOf({ identity: identity({ subject: "ann" }), command: command("write") }), both);
  const fewer = command("read", { text: "select 2" });
  t.equal(holdsOf({ command: fewer })?.length, 1);
  t.equal(holdsOf({ command: fewer }), holdsOf({ command: fewer }));
});

t.test("a hold is remembered with its shape, and asked again where it varies", async (t) => {
  const one = identity();
  const shape = {};
  const ask = (text: string) => request({ identity: one, command: { ...command("read", { text }), shape } });
  const settled = load([policy([allow, hold("it", 'sql.access == "read"')].join("\n"))]);
  t.equal(shown(settled.decide(ask("select 1"))), "hold it it");
  t.equal(settled.decide(ask("select 1")), settled.decide(ask("select 2")));
  const varying = load([policy([allow, hold("it", 'sql.text == "select 1"')].join("\n"))]);
  for (const [text, expected] of [
    ["select 1", "hold it it"],
    ["select 2", "allow reads"],
    ["select 1", "hold it it"],
  ] as const) {
    t.equal(shown(varying.decide(ask(text))), expected);
  }
});

t.test(
  "an explanation has what each hold rule says, and whether it would permit what is unknown",
  async (t) => {
    const rules = [
      hold("all"),
      hold("unknown", 'sql.access in ["read", "unknown"]'),
      hold("writes", 'sql.access == "write"'),
      hold("failing", 'sql.params[0] == "x"'),
    ];
    const outcomes = (asked: DecisionRequest) =>
      load([policy(rules.join("\n"))])
        .explain(asked)
        .rules.map(({ effect, reference, outcome }) => [effect, reference.rule, outcome]);
    t.match(outcomes(request({ command: command("unknown") })), [
      ["hold", "all", { result: "matched", permits: false }],
      ["hold", "unknown", { result: "matched" }],
      ["hold", "writes", { result: "unmatched" }],
      ["hold", "failing", { result: "failed", message: /index_out_of_bounds/ }],
    ]);
    t.same(outcomes(request())[0], ["hold", "all", { result: "matched" }]);
  },
);
