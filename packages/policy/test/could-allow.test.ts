import type { Access, Command, FactValue, PartialFacts } from "@gatehouse/core";
import t from "tap";
import { command, identity, load, policy, request } from "./fixtures.ts";
import { engineOf, pick, randomFrom, type Sample } from "./samples.ts";

function includes(...items: readonly string[]) {
  return { includes: items };
}

function among(...values: readonly FactValue[]) {
  return { among: values };
}

/** Whether texts could allow something with these facts. */
function could(texts: readonly string[], facts: PartialFacts, userFunctions?: readonly string[]): boolean {
  const { target, level } = request();
  return load(texts)
    .reach({ target, level })
    .couldAllow({ facts, ...(userFunctions ? { userFunctions } : {}) });
}

/** The same, for one policy of one allow rule with this condition. */
function allowed(when: string, facts: PartialFacts): boolean {
  return could([policy(`  - allow: it\n    when: ${JSON.stringify(when)}`)], facts);
}

t.test(
  "a condition is false where the facts that are known make it so, and possible otherwise",
  async (t) => {
    const reads = { reads: includes("public.orders") };
    const cases: readonly (readonly [string, PartialFacts, boolean])[] = [
      ["sql.access == 'read'", { access: among("read") }, true],
      ["sql.access == 'read'", { access: among("write", "ddl") }, false],
      ["sql.access != 'read'", { access: among("read") }, false],
      ["sql.access in ['read', 'write']", { access: among("ddl", "write") }, true],
      ["sql.access in ['read', 'write']", { access: among("ddl") }, false],
      ["sql.access == 'read' && sql.access == 'write'", { access: among("read", "write") }, false],
      ["'public.orders' in sql.reads", reads, true],
      ["!('public.orders' in sql.reads)", reads, false],
      ["'public.customers' in sql.reads", reads, true],
      ["!('public.customers' in sql.reads)", reads, true],
      ["'public.orders' in sql.reads + sql.writes", reads, true],
      ["!('public.orders' in sql.writes + sql.reads)", reads, false],
      ["sql.reads.all(r, r in ['public.orders'])", reads, true],
      ["sql.reads.all(r, r in ['public.customers'])", reads, false],
      ["sql.reads.all(r, r.startsWith('public.'))", reads, true],
      ["sql.reads.all(r, r.startsWith('app.'))", reads, false],
      ["sql.reads.all(r, r.endsWith('.orders') || r == sql.text)", reads, true],
      ["sql.reads.all(r, r.lowerAscii() != 'public.orders')", reads, false],
      ["sql.reads.exists(r, r == 'public.orders')", reads, true],
      ["!sql.reads.exists(r, r.contains('orders'))", reads, false],
      ["sql.reads.exists(r, false)", reads, false],
      ["sql.reads.exists_one(r, r == 'public.orders')", reads, true],
      ["sql.reads.filter(r, r != 'public.orders').size() == 0", reads, true],
      ["sql.reads.filter(r, r == 'public.orders').size() == 0", reads, false],
      ["sql.reads.map(r, r.upperAscii()) == ['PUBLIC.CUSTOMERS']", reads, false],
      ["sql.reads.map(r, r + '!') == ['public.orders!']", reads, true],
      ["sql.reads == []", reads, false],
      ["sql.reads == ['public.orders', 'public.customers']", reads, true],
      ["sql.reads == ['public.customers']", reads, false],
      ["sql.reads.size() == 0", reads, false],
      ["size(sql.reads) < 1", reads, false],
      ["1 > sql.reads.size()", reads, false],
      ["sql.reads.size() <= 1", reads, true],
      ["sql.reads.size() < 2", { reads: includes("a", "b") }, false],
      ["sql.reads.size() < 2", { reads: includes("a", "a") }, true],
      ["sql.reads[0] == 'public.customers'", reads, true],
      ["sql.statements == 1", { statements: among(1) }, true],
      ["sql.statements == 1", { statements: among(2, 3) }, false],
      ["sql.statements < 3", { statements: among(2, 3) }, true],
      ["sql.statements >= 3", { statements: among(1, 2) }, false],
      ["sql.unfiltered", { unfiltered: among(false) }, false],
      ["sql.unfiltered ? sql.unlimited : false", { unfiltered: among(true), unlimited: among(false) }, false],
      ["sql.unfiltered == sql.unlimited", { unfiltered: among(true), unlimited: among(true) }, true],
      ["identity.kind == 'human' && session.client == '::1'", {}, true],
      ["time.getHours() < 4", {}, true],
      ["session.level == 'reader'", {}, true],
      ["session.level == 'writer'", {}, false],
      ["target.name == 'billing'", {}, false],
      ["sql.functions == ['public.total']", { functions: among([]) }, false],
      ["sql.functions == ['public.total']", { functions: includes("public.total") }, true],
      ["sql.functions == ['public.total']", { functions: includes("public.other") }, false],
      ["sql.text.contains('x') && false", {}, false],
      ["sql.params[0] == 'x' || true", {}, true],
    ];
    for (const [when, facts, expected] of cases) {
      t.equal(allowed(when, facts), expected, `${when} of ${JSON.stringify(facts)}`);
    }
  },
);

t.test("nothing is allowed where no policy is for the target and the level", async (t) => {
  const allow = "  - allow: all";
  t.equal(could([], {}), false);
  t.equal(could([policy(allow)], {}), true);
  t.equal(could([policy(allow, "who: { everyone: true }\ntargets: [billing]")], {}), false);
  t.equal(could([policy(allow, "who: { everyone: true }\ntargets: [orders]\nlevels: [writer]")], {}), false);
  t.equal(could([policy("  - block: none")], {}), false);
  const { target } = request();
  const strange = { name: "stranger", credential: request().level.credential, settings: undefined };
  t.equal(
    load([policy(allow)])
      .reach({ target, level: strange })
      .couldAllow({ facts: {} }),
    false,
  );
});

t.test("what a hold lets through with somebody's yes could be allowed", async (t) => {
  const hold = "  - hold: writes\n    when: sql.access == 'write'\n    approvers: { groups: [dba] }";
  t.equal(could([policy(hold)], { access: among("write") }), true);
  t.equal(could([policy(hold)], { access: among("read") }), false);
});

t.test("a block takes away what it is sure to take from everybody whom a rule lets do it", async (t) => {
  const salaries = { access: among("read"), reads: includes("public.salaries") };
  const reads = "  - allow: reads\n    when: sql.access == 'read'";
  const block = "  - block: salaries\n    when: \"'public.salaries' in sql.reads\"";
  t.equal(could([policy(`${reads}\n${block}`)], salaries), false);
  t.equal(could([policy(`${reads}\n${block}`)], { ...salaries, reads: includes("public.orders") }), true);
  t.equal(could([policy(`${reads}\n  - block: some\n    when: sql.unlimited`)], salaries), true);
  t.equal(could([policy(`${reads}\n  - block: all`)], salaries), false);
  const for_ = (who: string, rules: string, title: string) =>
    policy(rules, `who: ${who}\ntargets: [orders]`).replace("sample", title);
  const between = (who: string, whom: string) =>
    could([for_(who, reads, "one"), for_(whom, block, "other")], salaries);
  t.equal(between("{ groups: [a] }", "{ everyone: true }"), false);
  t.equal(between("{ groups: [a] }", "{ groups: [a, b] }"), false);
  t.equal(between("{ groups: [a, b] }", "{ groups: [a] }"), true, "those of b may");
  t.equal(between("{ groups: [a], kinds: [human] }", "{ groups: [a] }"), false);
  t.equal(between("{ groups: [a] }", "{ groups: [a], kinds: [human] }"), true);
  t.equal(between("{ everyone: true }", "{ subjects: [ann] }"), true);
});

t.test("what is unknown could be allowed only where a rule names that", async (t) => {
  const unknown = { access: among("unknown") };
  t.equal(could([policy("  - allow: all")], unknown), false);
  t.equal(allowed("sql.access in ['read', 'unknown']", unknown), true);
  const called = "sql.access == 'unknown' && sql.functions == ['public.total']";
  t.equal(allowed(called, { ...unknown, functions: includes("public.total") }), true);
  t.equal(allowed(called, { ...unknown, functions: among([]) }), false);
});

t.test(
  "a function that somebody has made makes a command unknown, unless some policy lists it",
  async (t) => {
    const head =
      "who: { groups: [analysts] }\ntargets: [orders]\nfunctions: { reads: [app.*], writes: [log.*] }";
    const rules =
      "  - allow: reads\n    when: sql.access == 'read'\n  - allow: writes\n    when: sql.access == 'write'";
    const runs = (access: string, ...names: readonly string[]) =>
      could([policy(rules, head)], { access: among(access), functions: includes(...names) }, names);
    t.equal(runs("read", "app.total"), true);
    t.equal(runs("read", "app.total", "public.other"), false);
    t.equal(runs("read", "log.add"), false, "it writes");
    t.equal(runs("write", "log.add", "app.total"), true);
    t.equal(runs("unknown", "public.other"), false);
    t.equal(
      could([policy(rules, head)], { functions: includes("public.other") }),
      true,
      "it may be PostgreSQL's",
    );
  },
);

t.test("what is allowed, or held, could be, however much of it is known", async (t) => {
  const random = randomFrom(6);
  const effects = new Map<string, number>();
  let without = 0;
  for (let round = 0; round < 400; round++) {
    const engine = engineOf(randomPolicies(random));
    for (let count = 0; count < 15; count++) {
      const asked = request({
        command: randomCommand(random),
        identity: identity(random(2) ? {} : { kind: "human", groups: ["dba"] }),
        level: pick(random, ["reader", "writer"]),
      });
      const { decision, access } = engine.explain(asked);
      effects.set(decision.effect, (effects.get(decision.effect) ?? 0) + 1);
      const { target, level } = asked;
      const userFunctions = asked.command.userFunctions?.names.filter(() => random(2) === 0) ?? [];
      const known = { facts: some(random, { ...asked.command.facts, access }), userFunctions };
      for (const reach of [engine.reach({ target, level }), engine.reach(asked)]) {
        const could = reach.couldAllow(known);
        if (decision.effect === "block") without += could ? 0 : 1;
        else if (!could)
          t.fail(`${JSON.stringify(asked.command)} is ${decision.effect}ed by ${engine.version}`);
      }
    }
  }
  t.ok((effects.get("allow") ?? 0) > 300, "some are allowed");
  t.ok((effects.get("hold") ?? 0) > 100, "some are held");
  t.ok(without > 300, "and of those that are blocked, many are known to be");
});

const TABLES = ["public.a", "public.b", "app.c"] as const;
const LISTS = ["sql.reads", "sql.writes", "sql.verbs", "sql.functions", "sql.reads + sql.writes"] as const;
type Random = (below: number) => number;

function randomPolicies(random: Random): Sample[] {
  return Array.from({ length: 1 + random(3) }, (_, file) => ({
    title: `policy ${file}`,
    head: [
      `who: { ${pick(random, ["everyone: true", "groups: [analysts]", "groups: [dba, analysts]", "kinds: [human]"])} }`,
      `targets: ${pick(random, ["[orders]", '["*"]'])}`,
      ...(random(3) === 0 ? ["levels: [writer]"] : []),
      ...(random(2) === 0 ? [`functions: { ${pick(random, ["reads", "writes"])}: [app.f] }`] : []),
    ].join("\n"),
    rules: Array.from({ length: 1 + random(4) }, (_, rule) => {
      const effect = pick(random, ["allow", "allow", "block", "hold"]);
      const approvers = effect === "hold" ? "\n    approvers: { groups: [dba] }" : "";
      return `  - ${effect}: rule ${rule}\n    when: ${JSON.stringify(randomBool(random, 3))}${approvers}`;
    }),
  }));
}

function randomBool(random: Random, depth: number): string {
  const inner = () => randomBool(random, depth - 1);
  switch (depth === 0 ? 9 : random(12)) {
    case 0:
      return `(${inner()} && ${inner()})`;
    case 1:
      return `(${inner()} || ${inner()})`;
    case 2:
      return `!(${inner()})`;
    case 3:
      return `(${inner()} ? ${inner()} : ${inner()})`;
    case 4:
    case 5: {
      const macro = pick(random, ["all", "exists", "exists_one"]);
      return `(${randomList(random)}).${macro}(x, ${randomItemTest(random)})`;
    }
    case 6:
      return `(${randomList(random)}).size() ${pick(random, ["==", "!=", "<", "<=", ">", ">="])} ${random(3)}`;
    case 7:
      return `${randomList(random)} ${pick(random, ["==", "!="])} ${pick(random, ["[]", "['public.a']", "['SELECT']"])}`;
    default:
      return pick(random, [
        `sql.access == '${pick(random, ["read", "write", "unknown"])}'`,
        "sql.access in ['read', 'unknown']",
        `'${pick(random, TABLES)}' in ${pick(random, LISTS)}`,
        "'DELETE' in sql.verbs",
        "sql.verbs[0] == 'SELECT'",
        "sql.unfiltered",
        "sql.statements == 1",
        "sql.statements + 1 > 2",
        "sql.text.startsWith('select')",
        "sql.params[0] == 'x'",
        "identity.kind == 'human'",
        "session.level == 'reader'",
      ]);
  }
}

function randomList(random: Random): string {
  const list = pick(random, LISTS);
  const [first] = list.split(" ");
  return pick(random, [
    list,
    list,
    `${first ?? list}.filter(y, ${randomItemTest(random).replaceAll(/\bx\b/g, "y")})`,
    `${first ?? list}.map(y, y.lowerAscii())`,
    `['public.a'] + ${first ?? list}`,
  ]);
}

function randomItemTest(random: Random): string {
  return pick(random, [
    "x == 'public.a'",
    "x in ['public.a', 'app.c']",
    "x.startsWith('public.')",
    "x.contains('a') && sql.unfiltered",
    "x == sql.text",
    "x in sql.writes",
    "sql.params[0] == x",
  ]);
}

function randomCommand(random: Random): Command {
  const subset = (list: readonly string[]) => list.filter(() => random(3) === 0);
  const access = pick<Access>(random, ["read", "read", "write", "ddl", "unknown"]);
  const functions = subset(["app.f", "app.g", "pg_catalog.lower"]);
  const names = functions.filter((name) => name.startsWith("app."));
  const facts = {
    verbs: subset(["SELECT", "DELETE", "INSERT"]),
    reads: subset(TABLES),
    writes: subset(TABLES),
    functions,
    statements: 1 + random(2),
    unfiltered: random(2) === 0,
    text: pick(random, ["select", "delete"]),
    params: subset(["x", "public.a"]),
  };
  if (names.length === 0) return command(access, facts);
  const userFunctions = { names, otherwise: access === "unknown" ? "read" : access } as const;
  return { ...command("unknown", facts), userFunctions };
}

/** Some of what there is to know, and not always for certain. */
function some(random: Random, facts: Readonly<Record<string, FactValue>>): PartialFacts {
  const known = Object.entries(facts).flatMap(([name, value]): [string, PartialFacts[string]][] => {
    if (random(3) === 0) return [];
    if (!Array.isArray(value) || random(4) === 0) {
      const others: FactValue[] = name === "access" ? ["read", "ddl"] : name === "statements" ? [1, 3] : [];
      return [[name, { among: random(2) ? [value, ...others] : [value] }]];
    }
    const items = value.filter((item) => typeof item === "string");
    return [[name, { includes: items.filter(() => random(2) === 0) }]];
  });
  return Object.fromEntries(known);
}
