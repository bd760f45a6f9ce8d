import type { Access, Command, DecisionRequest, Facts } from "@gatehouse/core";
import t from "tap";
import { command, identity, load, policy, type RuleError, request } from "./fixtures.ts";
import { engineOf, pick, randomFrom, samples } from "./samples.ts";

/** A command of a shape, and how often it was asked for its facts. */
function counted(shape: object, access: Access, changes: Facts = {}) {
  const { facts, ...rest } = command(access, changes);
  const asked = { times: 0 };
  const counting: Command = {
    ...rest,
    shape,
    get facts() {
      asked.times++;
      return facts;
    },
  };
  return { command: counting, asked };
}

const hours = (hour: number) => Date.UTC(2026, 0, 2, hour);

t.test(
  "with what is remembered, decisions and reports of failures are what they are without it",
  async (t) => {
    const random = randomFrom(20261121);
    const differences: unknown[] = [];
    let spared = 0;
    for (let round = 0; round < 300; round++) {
      const list = samples(random);
      const [errors, expectedErrors]: [RuleError[], RuleError[]] = [[], []];
      const engine = engineOf(list, errors);
      const reference = engineOf(list, expectedErrors);
      const people = [identity(), identity({ kind: "human", groups: [] })] as const;
      const shapes = Array.from({ length: 4 }, () => ({
        access: pick<Access>(random, ["read", "write", "ddl", "unknown"]),
        unfiltered: random(2) === 0,
        reads: pick<string[]>(random, [[], ["public.orders"], ["public.orders", "secret"]]),
        verbs: pick<string[]>(random, [[], ["SELECT"], ["DELETE"]]),
      }));
      for (let n = 0; n < 30; n++) {
        const shape = shapes[random(shapes.length)];
        if (shape === undefined) throw new Error("there is always a shape");
        const { access, ...steady } = shape;
        const varying = {
          text: pick(random, ["select 1", "secret", "public.orders"]),
          params: pick<string[]>(random, [[], ["x"], ["y"]]),
        };
        const counting = counted(shape, access, { ...steady, ...varying });
        const asked: DecisionRequest = {
          ...request({ identity: pick(random, people), now: hours(random(24)) }),
          client: { host: pick(random, ["10.0.0.7", "10.0.0.8"]) },
          command: counting.command,
        };
        const { shape: _, ...unshaped } = command(access, { ...steady, ...varying });
        const expected = reference.decide({ ...asked, command: unshaped });
        const decision = engine.decide(asked);
        if (JSON.stringify(decision) !== JSON.stringify(expected))
          differences.push({ list, decision, expected });
        if (counting.asked.times === 0) spared++;
      }
      if (JSON.stringify(errors) !== JSON.stringify(expectedErrors)) differences.push({ list, errors });
    }
    t.same(differences, []);
    t.ok(spared > 3000, `${spared} of 9000 decisions did not need their facts`);
  },
);

t.test("a condition that names nothing that varies is asked once for each shape", async (t) => {
  for (const when of [
    'sql.access == "read"',
    '"public.orders" in sql.reads && !sql.unfiltered && sql.statements == 1',
    'sql.reads.all(table, table.startsWith("public."))',
    'sql.reads.map(table, table + "!").filter(table, table.size() > 3).size() == 1',
    'identity.kind == "workload" && target.name == "orders" && session.level == "reader"',
    '[sql.verbs][0] == ["SELECT"]',
    '{"a": sql.access}["a"] == "read"',
  ]) {
    const engine = load([policy(`  - allow: it\n    when: '${when}'`)]);
    const shape = {};
    const one = identity();
    const first = counted(shape, "read");
    t.equal(engine.decide(request({ identity: one, command: first.command })).effect, "allow", when);
    const second = counted(shape, "read", { text: "select 2", params: ["x"] });
    const asked = request({ identity: one, command: second.command });
    t.equal(engine.decide(asked), engine.decide(asked), when);
    t.equal(second.asked.times, 0, when);
  }
});

t.test("what is remembered of one identity or level is not taken for another's", async (t) => {
  const engine = load([
    policy('  - allow: it\n    when: identity.kind == "workload" && session.level == "reader"'),
  ]);
  const [one, shaped] = [identity(), { ...command(), shape: {} }];
  const ask = (changes: Parameters<typeof request>[0]) =>
    engine.decide(request({ identity: one, command: shaped, ...changes })).effect;
  t.equal(ask({}), "allow");
  t.equal(ask({ level: "writer" }), "block");
  t.equal(ask({ identity: identity({ kind: "human" }) }), "block");
  t.equal(ask({ target: "billing", level: "auditor" }), "block");
  t.equal(ask({}), "allow");
});

t.test("a condition that looks at anything that varies is asked each time", async (t) => {
  const before = request({ now: hours(3) });
  for (const when of [
    'sql.text == "select 1"',
    "sql.params == []",
    "size(sql.params) == 0",
    "[sql.params][0] == []",
    '{"a": sql.text}["a"] == "select 1"',
    'sql.access == "write" || sql.text == "select 1"',
    'sql.access == "read" ? sql.text == "select 1" : false',
    "sql.reads.exists(table, sql.params.size() == 0)",
    'sql.params.all(value, value == "select 1")',
    '["select 1"].exists(text, text == sql.text)',
    'session.client == "10.0.0.7"',
    "time.getHours() < 12",
    "[1, 2].exists(n, time.getHours() < 12)",
  ]) {
    const engine = load([policy(`  - allow: it\n    when: '${when}'`)]);
    const shape = {};
    const asked = { ...before, command: { ...command(), shape } };
    t.equal(engine.decide(asked).effect, "allow", when);
    const changed = { ...command("read", { text: "select 2", params: ["x"] }), shape };
    const other = { ...asked, client: { host: "10.0.0.8" }, now: hours(13), command: changed };
    t.equal(engine.decide(other).effect, "block", when);
    t.equal(engine.decide(asked).effect, "allow", when);
  }
});

t.test("a rule that failed is asked again at the next command of the shape", async (t) => {
  const rules = '  - block: it\n    when: sql.verbs[0] == "DROP"\n  - allow: all';
  const errors: RuleError[] = [];
  const engine = load([policy(rules)], errors);
  const one = identity();
  const shape = {};
  const asked = request({ identity: one, command: { ...command("read", { verbs: [] }), shape } });
  for (const _ of [1, 2, 3])
    t.match(engine.decide(asked), { effect: "block", message: /could not be evaluated/ });
  t.equal(errors.length, 3);
  const well = request({ identity: one, command: { ...command(), shape } });
  t.equal(engine.decide(well).effect, "allow", "the failure was not the shape's");
});

t.test("facts that can't be told fail the rules that name them, and no others", async (t) => {
  const telling: Command = {
    ...command(),
    shape: {},
    get facts(): Facts {
      throw new Error("no facts");
    },
  };
  const rules =
    '  - allow: reads\n    when: sql.access == "read"\n  - allow: people\n    when: identity.kind == "human"';
  const engine = load([policy(rules)]);
  t.equal(engine.decide(request({ command: telling })).effect, "block");
  const person = identity({ kind: "human" });
  t.match(engine.decide(request({ identity: person, command: telling })), { rule: { rule: "people" } });
  const blocking = load([policy('  - block: it\n    when: sql.access == "ddl"\n  - allow: all')]);
  t.match(blocking.decide(request({ command: telling })), { effect: "block", rule: { rule: "it" } });
});

t.test("other policies decide a shape anew", async (t) => {
  const shaped = { ...command(), shape: {} };
  const asked = request({ command: shaped });
  t.equal(load([policy("  - allow: all")]).decide(asked).effect, "allow");
  t.equal(load([policy("  - block: all")]).decide(asked).effect, "block");
});

t.test("a command of another protocol is refused though its shape was allowed", async (t) => {
  const engine = load([policy("  - allow: all")]);
  const shaped = { ...command(), shape: {} };
  const asked = request({ command: shaped });
  t.equal(engine.decide(asked).effect, "allow");
  t.equal(engine.decide({ ...asked, command: { ...shaped, protocol: "http" } }).effect, "block");
});

t.test("a client with shapes without end is decided rightly, and fills no memory without end", async (t) => {
  const engine = load([policy('  - allow: reads\n    when: sql.access == "read"')]);
  const one = identity();
  const ask = (shape: object, access: Access) => {
    const { command, asked } = counted(shape, access);
    return { effect: engine.decide(request({ identity: one, command })).effect, times: asked.times };
  };
  const first = {};
  t.same(ask(first, "read"), { effect: "allow", times: 1 });
  t.same(ask(first, "read"), { effect: "allow", times: 0 });
  for (let n = 0; n < 5000; n++) {
    const access = n % 2 === 0 ? "read" : "write";
    if (ask({}, access).effect !== (access === "read" ? "allow" : "block")) t.fail(`shape ${n}`);
  }
  t.same(ask(first, "read"), { effect: "allow", times: 1 }, "it was forgotten with the others");
});
