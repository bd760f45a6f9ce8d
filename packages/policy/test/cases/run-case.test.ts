import type { AnswerLineage, Command, MaskingOutcome, Understanding } from "@gatehouse/core";
import t from "tap";
import { coverageOf, readCases, runCase } from "../../src/index.ts";
import { command, load, policy, request, targets } from "../fixtures.ts";

const engine = load([
  policy(`  - allow: reads
    when: sql.access == "read"
  - block: mornings
    when: time.getHours() < 9
  - block: writes
    when: sql.access == "write"
  - mask: contact details
    columns: [public.customers.email]
    with: redact
    when: '!("public.orders" in sql.reads)'
  - mask: phones
    columns: [public.customers.phone]
    with: redact
    when: '!("public.orders" in sql.reads)'`),
]);
const names = engine.rules.map(({ reference }) => reference);
const [, , , contact, phones] = names;

const hidden = (...hides: string[]): MaskingOutcome => {
  if (contact === undefined) throw new Error("there is such a rule");
  return { ok: true, applied: [{ rule: contact, hides }] };
};
const refused = { ok: false, message: "It depends on email.", hint: "Leave it out." } as const;

/** Statements of a made-up protocol: what each is. */
const statements: Readonly<Record<string, Command>> = {
  orders: command("read"),
  customers: command("read", { reads: ["public.customers"] }),
  masked: { ...command("read", { reads: ["public.customers"] }), mask: () => hidden("email", "contact") },
  refused: { ...command("read", { reads: ["public.customers"] }), mask: () => refused },
  "refused by phones": {
    ...command("read", { reads: ["public.customers"] }),
    mask: () => (phones === undefined ? refused : { ...refused, rule: phones }),
  },
  update: command("write"),
  create: command("ddl"),
};

const lineage: AnswerLineage = {
  outputs: [
    { name: "contact", from: ["public.customers.email", "public.customers.phone"], exact: false },
    { name: "one", from: [], exact: false },
  ],
  predicates: [],
  flows: [],
  gaps: [],
};

const understand = async (text: string): Promise<Understanding> => {
  const known = statements[text];
  if (known !== undefined)
    return { ok: true, command: known, ...(text === "masked" ? { lineage: [lineage] } : {}) };
  return { ok: false, refusal: { kind: "syntax", message: "syntax error" } };
};

async function run(
  statement: string,
  expect: string,
  { at = "2026-01-02T10:00:00Z", policies = engine, who = "{}" } = {},
) {
  const text = `catalogs: { orders: orders.catalog.json }
cases:
  - { case: it, who: ${who}, target: orders, level: reader, statement: ${statement}, at: "${at}", expect: ${expect} }`;
  const read = readCases({ path: "a.test.yaml", text }, policies, targets);
  if (!read.ok) throw new Error(read.problems[0]?.message);
  const [one] = read.cases;
  if (one === undefined) throw new Error("there is one case");
  const { target, level } = request();
  return runCase(one, { policies, target, level, understand, now: 0 });
}

t.test("a case passes where effect, rule and policy are as expected", async (t) => {
  for (const [statement, expect] of [
    ["orders", "allow"],
    ["orders", "{ effect: allow, rule: reads, policy: sample, masks: [] }"],
    ["update", "block"],
    ["update", "{ effect: block, rule: writes }"],
    ["create", "{ effect: block, rule: null }"],
    ["selekt", "{ effect: block, rule: null }"],
  ] as const) {
    t.match(await run(statement, expect), { status: "passed", failures: [] }, `${statement}: ${expect}`);
  }
});

t.test("a case that fails says what was expected and what was", async (t) => {
  for (const [statement, expect, failure] of [
    ["orders", "block", /^expected block, it was allow by "reads" of "sample" \(a\.yaml:5\)$/],
    ["update", "allow", /^expected allow, it was block by "writes" .*: Blocked by the rule/],
    ["selekt", "allow", /^expected allow, it was block by no rule: syntax error$/],
    ["update", "{ effect: block, rule: mornings }", /^expected "mornings" to decide, it was "writes" of/],
    ["update", "{ effect: block, rule: null }", /^expected no rule to decide, it was "writes"/],
    ["create", "{ effect: block, rule: writes }", /^expected "writes" to decide, it was no rule$/],
    [
      "create",
      "{ effect: block, policy: sample }",
      /^expected a rule of "sample" to decide, it was no rule$/,
    ],
    ["orders", "{ effect: allow, masks: [phones] }", /^expected "phones" to hide something, it hid nothing$/],
  ] as const) {
    const { status, failures } = await run(statement, expect);
    t.equal(status, "failed", expect);
    t.match(failures, [failure], expect);
    t.equal(failures.length, 1);
  }
});

t.test("the time is the case's own, or that at which it is run", async (t) => {
  t.match((await run("orders", "block", { at: "2026-01-02T08:00:00Z" })).ending, {
    rule: { rule: "mornings" },
  });
  t.match((await run("orders", "allow", { at: "2026-01-02T09:00:00Z" })).ending, { rule: { rule: "reads" } });
});

t.test("masks are those that hide something, and what they hide", async (t) => {
  for (const masks of ["[contact details]", "{ contact details: [contact, email] }"]) {
    t.equal((await run("masked", `{ effect: allow, masks: ${masks} }`)).status, "passed", masks);
  }
  for (const [masks, ...failures] of [
    ["[]", '"contact details" hid contact, email'],
    ["{ contact details: [email] }", 'expected "contact details" to hide email, it hid contact, email'],
    [
      "[phones]",
      'expected "phones" to hide something, it hid nothing',
      '"contact details" hid contact, email',
    ],
  ] as const) {
    t.same((await run("masked", `{ effect: allow, masks: ${masks} }`)).failures, failures, masks);
  }
});

t.test("an answer that can't be masked is a block in the mask's name", async (t) => {
  t.match(await run("refused", "{ effect: block, rule: contact details }"), { status: "passed" });
  t.match(await run("refused by phones", "{ effect: block, rule: phones }"), { status: "passed" });
  t.match((await run("refused", "allow")).failures, [
    /block by "contact details" .*: It depends on email\.$/,
  ]);
});

t.test("a refusal by masks is told from one by a rule", async (t) => {
  t.match(await run("refused", "{ effect: block, masks: refused }"), { status: "passed" });
  t.match(await run("update", "{ effect: block, masks: refused }"), {
    status: "failed",
    failures: [/^expected its masks to refuse it, it was "writes" of/],
  });
});

t.test("columns come from where they are said to, whatever their order", async (t) => {
  for (const [expected, ...failures] of [
    ["{ contact: [public.customers.phone, public.customers.email], one: [] }"],
    ["{ one: [] }"],
    [
      "{ contact: [public.customers.email] }",
      'expected "contact" to come from public.customers.email, it comes from public.customers.email, public.customers.phone',
    ],
    ["{ one: [public.t.c] }", 'expected "one" to come from public.t.c, it comes from nothing stored'],
    ["{ email: [] }", 'expected a column "email" in the answer, it has contact, one'],
  ] as const) {
    t.same((await run("masked", `{ effect: allow, lineage: ${expected} }`)).failures, failures, expected);
  }
});

t.test("what can't be told without a catalog has failed, and says what to do", async (t) => {
  for (const [expect, failure] of [
    ["allow", undefined],
    ["{ effect: allow, rule: reads }", undefined],
    ["{ effect: allow, masks: [contact details] }", /gatehouse policy catalog orders/],
    ["{ effect: allow, masks: [] }", /gatehouse policy catalog orders/],
    ["block", /gatehouse policy catalog orders/],
    ["{ effect: block, rule: phones }", /gatehouse policy catalog orders/],
    ["{ effect: block, rule: writes }", /^expected block, it was allow/],
    ["{ effect: block, rule: null }", /^expected block, it was allow/],
  ] as const) {
    const { status, failures } = await run("customers", expect);
    t.equal(status, failure === undefined ? "passed" : "failed", expect);
    if (failure) t.match(failures, [failure], expect);
  }
});

const holding = load([
  policy(`  - hold: writes
    when: sql.access == "write"
    approvers: { groups: [dba] }
    breakGlass: { groups: [oncall] }
  - hold: everything
    approvers: { groups: [security] }
    breakGlass: { groups: [oncall] }
  - mask: contact details
    columns: [public.customers.email]
    with: redact
    when: '!("public.orders" in sql.reads)'
  - allow: all`),
]);

t.test("a case that is held names the first rule that holds it, or all of them", async (t) => {
  for (const [statement, expect, ...failures] of [
    ["update", "hold"],
    ["update", "{ effect: hold, rule: writes, policy: sample, masks: [] }"],
    ["update", "{ effect: hold, rules: [everything, writes] }"],
    ["orders", "{ effect: hold, rule: everything, rules: [everything] }"],
    ["masked", "{ effect: hold, masks: [contact details] }"],
    ["update", "allow", /^expected allow, it was hold by "writes" of "sample"/],
    ["update", "{ effect: hold, rule: everything }", /^expected "everything" to decide, it was "writes"/],
    [
      "update",
      "{ effect: hold, rules: [writes] }",
      /^expected writes to hold it, it was everything, writes$/,
    ],
    ["masked", "{ effect: hold, masks: [] }", /^"contact details" hid contact, email$/],
    ["customers", "{ effect: hold, masks: [] }", /gatehouse policy catalog orders/],
    ["refused", "hold", /^expected hold, it was block by "contact details"/],
  ] as const) {
    const { status, failures: said } = await run(statement, expect, { policies: holding });
    t.equal(status, failures.length === 0 ? "passed" : "failed", `${statement}: ${expect}`);
    t.match(said, failures);
  }
});

t.test("a case of a broken glass is allowed, by the rule that would have held it", async (t) => {
  const oncall = { policies: holding, who: "{ groups: [oncall] }" };
  t.match(await run("update", "{ effect: allow, rule: writes }", oncall), { status: "passed" });
});

t.test("all rules that hold a case, or would, are covered by it", async (t) => {
  const counts = async (options: Parameters<typeof run>[2]) =>
    coverageOf(holding, [await run("update", "hold", options)]).map(({ decisive }) => decisive);
  t.same(await counts({ policies: holding }), [1, 1, 0, 0]);
  t.same(await counts({ policies: holding, who: "{ groups: [oncall] }" }), [1, 1, 0, 0]);
});

t.test("coverage has every rule, with how many cases it was decisive in", async (t) => {
  const results = [
    await run("orders", "allow"),
    await run("masked", "allow"),
    await run("refused by phones", "block"),
    await run("create", "block"),
  ];
  const counts = coverageOf(engine, results).map(({ reference, decisive }) => [reference.rule, decisive]);
  t.same(Object.fromEntries(counts), {
    reads: 2,
    mornings: 0,
    writes: 0,
    "contact details": 1,
    phones: 1,
  });
  const [, , , first, second] = coverageOf(engine, [await run("customers", "allow")]);
  t.same([first?.decisive, second?.decisive], [1, 1], "any of those that matched may hide something");
});
