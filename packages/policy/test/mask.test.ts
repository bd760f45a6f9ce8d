import type { DecisionRequest } from "@gatehouse/core";
import t from "tap";
import { command, identity, load, policy, type RuleError, request } from "./fixtures.ts";

const masking = (title: string, when?: string, column = "public.customers.email") =>
  `  - mask: ${title}\n    columns: [${column}]\n    with: redact${when === undefined ? "" : `\n    when: '${when}'`}`;

const all = '  - allow: everything\n    when: sql.access in ["read", "unknown"]';

function decided(engine: ReturnType<typeof load>, asked: DecisionRequest = request()) {
  const decision = engine.decide(asked);
  if (decision.effect !== "allow") throw new Error(`it was ${decision.effect}`);
  return decision;
}

const titles = (engine: ReturnType<typeof load>, asked?: DecisionRequest) =>
  (decided(engine, asked).masks ?? []).map(({ rule }) => rule.rule);

t.test("the masks of every matching rule of every policy apply together", async (t) => {
  const engine = load([
    policy([masking("a", 'sql.access == "read"'), all, masking("b", 'sql.access == "write"')].join("\n")),
    policy([masking("c"), masking("d")].join("\n")).replace("sample", "other"),
  ]);
  t.same(titles(engine), ["a", "c", "d"]);
  t.equal(decided(engine).rule.rule, "everything", "the rule is the one that allowed it");
});

t.test("all that is masked at a target is known, whoever asks and at whichever level", async (t) => {
  const engine = load([
    policy(
      masking("a", 'sql.access == "write"'),
      "who: { groups: [dba] }\ntargets: [orders]\nlevels: [writer]",
    ),
    policy(
      "  - mask: b\n    tags: [pii.email]\n    with: hash",
      'who: { everyone: true }\ntargets: ["*"]',
    ).replace("sample", "other"),
  ]);
  const at = (target: string) => engine.masksAt(target).map(({ rule, columns }) => [rule.rule, ...columns]);
  t.same(at("orders"), [
    ["a", "public.customers.email"],
    ["b", "public.customers.email", "public.suppliers.contact"],
  ]);
  t.same(at("billing"), [["b", "public.payers.email"]]);
  t.same(at("api"), []);
  t.same(at("elsewhere"), []);
});

t.test("masks allow nothing, and a refusal has none", async (t) => {
  const alone = load([policy(masking("a"))]);
  t.match(alone.decide(request()), { effect: "block", rule: null });
  const { target, level } = request();
  t.notOk(alone.admits({ identity: identity(), target, level }));
  const blocked = load([policy(`${all}\n${masking("a")}\n  - block: it`)]).decide(request());
  t.notOk("masks" in blocked);
});

t.test("a decision without masks has none, rather than an empty list", async (t) => {
  const engine = load([policy(`${all}\n${masking("a", 'sql.access == "write"')}`)]);
  t.notOk("masks" in decided(engine));
});

t.test("a command of unknown access is masked like any other", async (t) => {
  const engine = load([policy(`${all}\n${masking("a")}`)]);
  t.same(titles(engine, request({ command: command("unknown") })), ["a"]);
});

t.test("a mask whose condition fails holds, and the failure is reported", async (t) => {
  const errors: RuleError[] = [];
  const engine = load([policy(`${all}\n${masking("a", 'sql.params[0] == "x"')}`)], errors);
  t.same(titles(engine), ["a"]);
  t.match(errors, [[{ rule: "a" }, /index_out_of_bounds/]]);
  t.same(titles(engine, request({ command: command("read", { params: ["y"] }) })), []);
});

t.test("a mask is for those whom its policy is for", async (t) => {
  const engine = load([
    policy(all, 'who: { everyone: true }\ntargets: ["*"]'),
    policy(masking("a"), "who: { groups: [analysts] }\ntargets: [orders]\nlevels: [reader]").replace(
      "sample",
      "b",
    ),
  ]);
  t.same(titles(engine), ["a"]);
  t.same(titles(engine, request({ identity: identity({ groups: [] }) })), []);
  t.same(titles(engine, request({ level: "writer" })), []);
  t.same(titles(engine, request({ target: "billing", level: "auditor" })), []);
});

t.test("a tag is each target's own columns, and no mask where the target has none", async (t) => {
  const engine = load([
    policy(
      `${all}\n  - mask: phones\n    tags: ["*.phone"]\n    with: hash\n  - mask: personal\n    tags: ["pii.*"]\n    with: hash`,
      'who: { everyone: true }\ntargets: ["*"]',
    ),
  ]);
  const columns = (asked?: DecisionRequest) =>
    Object.fromEntries((decided(engine, asked).masks ?? []).map((mask) => [mask.rule.rule, mask.columns]));
  t.same(columns(), {
    phones: ["public.customers.phone"],
    personal: ["public.customers.email", "public.suppliers.contact", "public.customers.phone"],
  });
  const billing = request({ target: "billing", level: "auditor" });
  t.same(columns(billing), { personal: ["public.payers.email"] });
  const [, phones] = engine.explain(billing).rules;
  t.match(phones, { effect: "mask", outcome: { result: "not_applicable", because: "target" } });
});

t.test("the same rules have the same list of masks, for every command and identity", async (t) => {
  const engine = load([policy([all, masking("a"), masking("b", 'sql.text == "select 1"')].join("\n"))]);
  const other = request({
    identity: identity({ subject: "ann" }),
    command: command("read", { params: ["x"] }),
  });
  const first = decided(engine).masks;
  t.equal(first?.length, 2);
  t.equal(decided(engine, other).masks, first);
  const fewer = request({ command: command("read", { text: "select 2" }) });
  t.equal(decided(engine, fewer).masks?.length, 1);
  t.equal(decided(engine, fewer).masks, decided(engine, fewer).masks);
});

t.test("masks are remembered with the decision of a shape, and asked again where they vary", async (t) => {
  const settled = load([policy([all, masking("a", 'sql.access == "read"')].join("\n"))]);
  const varying = load([policy([all, masking("a", 'sql.text == "select 1"')].join("\n"))]);
  const shape = {};
  const one = identity();
  const ask = (text: string) => request({ identity: one, command: { ...command("read", { text }), shape } });
  t.equal(settled.decide(ask("select 1")), settled.decide(ask("select 2")));
  t.same(titles(varying, ask("select 1")), ["a"]);
  t.same(titles(varying, ask("select 2")), []);
  t.same(titles(varying, ask("select 1")), ["a"]);
});

t.test("more sets of masks than are remembered are still the right ones", async (t) => {
  const names = Array.from({ length: 12 }, (_, index) => `m${index}`);
  const rules = names.map((name) => masking(name, `sql.params.exists(p, p == "${name}")`));
  const engine = load([policy([all, ...rules].join("\n"))]);
  for (let set = 0; set < 2 ** 12; set += 3) {
    const params = names.filter((_, index) => (set >> index) % 2 === 1);
    const found = titles(engine, request({ command: command("read", { params }) }));
    if (found.join() !== params.join()) t.same(found, params);
  }
  t.same(titles(engine, request({ command: command("read", { params: ["m3", "m7"] }) })), ["m3", "m7"]);
});

t.test("an explanation has the mask rules with what they said, also of what was blocked", async (t) => {
  const engine = load([
    policy(
      [all, masking("a"), masking("b", 'sql.access == "write"'), masking("c", 'sql.params[0] == "x"')].join(
        "\n",
      ),
    ),
  ]);
  const outcomes = (asked: DecisionRequest) =>
    engine.explain(asked).rules.map(({ effect, outcome }) => `${effect} ${outcome.result}`);
  t.same(outcomes(request()), ["allow matched", "mask matched", "mask unmatched", "mask failed"]);
  t.match(engine.explain(request()).decision, { masks: [{ rule: { rule: "a" } }, { rule: { rule: "c" } }] });
  t.same(outcomes(request({ command: command("write") })), [
    "allow unmatched",
    "mask matched",
    "mask matched",
    "mask failed",
  ]);
});
