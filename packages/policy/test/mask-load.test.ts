import t from "tap";
import { load, policy, problemsOf, request } from "./fixtures.ts";

const rule = `  - mask: contact details
    columns: [public.customers.email]
    with: redact
  - allow: everything`;

/** The masks of a command that everything is allowed to, at the target orders. */
function masksOf(rules: string) {
  const decision = load([policy(`${rules}\n  - allow: everything`)]).decide(request());
  return decision.effect === "allow" ? (decision.masks ?? []) : [];
}

t.test("every error of a mask rule names its place and what would be right", async (t) => {
  const cases: [string, string, string, RegExp][] = [
    [
      "    columns: [public.customers.email]\n",
      "",
      "5:5",
      /at least one of columns, tags, fields and detect$/,
    ],
    ["    with: redact\n", "", "5:5", /^"with" is missing: redact, "null", hash, partial, \{ partial: FORM/],
    ["with: redact", "with: redcat", "7:11", /^expected "redact" or .* or a map .*did you mean "redact"\?$/],
    [
      "with: redact",
      "with: null",
      "7:11",
      /^expected "redact" or "null" or .*, found nothing; did you mean "null", with quotes\?$/,
    ],
    ["with: redact", "with: { partial: fax }", "7:22", /^expected one of "email", "card", "phone", "text"/],
    ["with: redact", "with: { partail: email }", "7:13", /did you mean "partial"/],
    ["with: redact", "with: {}", "7:5", /^expected one of \{ partial: FORM \} and \{ constant: TEXT \}$/],
    ["with: redact", "with: { partial: card, constant: x }", "7:5", /^expected one of \{ partial/],
    ["[public.customers.email]", "[]", "6:5", /expected at least one column/],
    ["public.customers.email", "customers.email", "6:15", /^expected schema\.table\.column, with \*/],
    ["public.customers.email", "a.b.c.d", "6:15", /^expected schema\.table\.column/],
    ["public.customers.email", "public..email", "6:15", /^expected schema\.table\.column/],
    ["public.customers.email", "'*'", "6:15", /^expected schema\.table\.column/],
    [
      "columns: [public.customers.email]",
      "tags: [pii.emial]",
      "6:12",
      /^"pii.emial" is not a tag of any of these targets; did you mean "pii.email"\?$/,
    ],
    [
      "columns: [public.customers.email]",
      'tags: ["pji.*"]',
      "6:12",
      /^"pji.\*" is not a tag .* did you mean "pii.\*"\?$/,
    ],
    ["columns: [public.customers.email]", "tags: [PII]", "6:12", /^expected words of a-z/],
    [
      "columns: [public.customers.email]",
      "detect: [secret.jwd]",
      "6:14",
      /^"secret.jwd" is not a detector; did you mean "secret.jwt"\?$/,
    ],
    [
      "columns: [public.customers.email]",
      'detect: [pii.email, "secrt.*"]',
      "6:25",
      /did you mean "secret.\*"/,
    ],
    ["with: redact", "with: redact\n    predicates: alow", "8:17", /did you mean "allow"/],
    ["with: redact", "with: redact\n    message: no", "8:14", /a message may stand only with block or hold$/],
    ["with: redact", "with: redact\n    allow: it", "5:5", /exactly one of allow, block, hold and mask/],
    ["with: redact", 'with: redact\n    when: sql.acess == "read"', "8:15", /did you mean "access"/],
    ["mask: contact details", "mask: everything", "8:12", /another rule of this policy has this title/],
  ];
  t.same(problemsOf(policy(rule)), []);
  for (const [from, to, place, message] of cases) {
    const problems = problemsOf(policy(rule.replace(from, to)));
    const problem = problems.find((found) => message.test(found.message));
    t.equal(problem && `${problem.line}:${problem.column}`, place, `${to}: ${String(message)}`);
  }
});

const ofHttp = "who: { everyone: true }\ntargets: [api]";

t.test(
  "every error of a mask of fields or of requests names its place and what would be right",
  async (t) => {
    const fields = `  - mask: addresses
    fields: ["$.customers[*].email"]
    with: redact`;
    const requests = `  - mask: personal data
    detect: [pii.email]
    with: redact
    requests: { restore: true }`;
    const noPath = /^expected a path into JSON, such as \$\.customers\[\*\]\.email/;
    const beside = (key: string) => new RegExp(`^\`${key}\` is about what a target answers`);
    const cases: [string, string, string, string, RegExp][] = [
      [fields, '["$.customers[*].email"]', "[customers.email]", "6:14", noPath],
      [fields, '"$.customers[*].email"', "$.a, '$.b[?@.c]'", "6:19", noPath],
      [fields, '["$.customers[*].email"]', "[]", "6:5", /expected at least one path/],
      [requests, "{ restore: true }", "yes", "8:15", /^expected "true" or a map/],
      [requests, "{ restore: true }", "{ restor: true }", "8:17", /did you mean "restore"/],
      [requests, "with: redact", "with: hash", "8:5", /^`restore` may stand only with redact: a placeholder/],
      [requests, "with: redact", "with: { partial: email }", "8:5", /^`restore` may stand only with redact/],
      [requests, "detect: [pii.email]", "columns: [a.b.c]", "6:5", beside("columns")],
      [requests, "detect: [pii.email]", "tags: [pii.email]", "6:5", beside("tags")],
      [requests, "with: redact", "with: redact\n    predicates: allow", "8:17", beside("predicates")],
    ];
    t.same(problemsOf(policy(`${fields}\n${requests}`, ofHttp)), []);
    for (const [rule, from, to, place, message] of cases) {
      const problems = problemsOf(policy(rule.replace(from, to), ofHttp));
      const problem = problems.find((found) => message.test(found.message));
      t.equal(problem && `${problem.line}:${problem.column}`, place, `${to}: ${String(message)}`);
    }
    for (const [rule, key, place] of [
      [fields, "fields", "6:5"],
      [requests, "requests", "8:5"],
    ] as const) {
      const [problem] = problemsOf(policy(rule));
      t.equal(problem && `${problem.line}:${problem.column}`, place, key);
      t.equal(problem?.message, `\`${key}\` is for targets that speak HTTP: none of this policy's does`);
      t.same(
        problemsOf(policy(rule, "who: { everyone: true }\ntargets: [orders, api]")),
        [],
        "one of them does",
      );
    }
  },
);

t.test("masks of fields and of requests are for targets that speak HTTP alone", async (t) => {
  const engine = load([
    policy(
      `  - mask: addresses
    fields: ["$..email", "$..email", "$['home phone']"]
    with: hash
  - mask: both
    columns: [public.customers.email]
    fields: [$.x.email, $.y.phone]
    detect: [pii.email]
    with: partial
  - mask: sent
    fields: [$.prompt]
    detect: [pii.email]
    with: redact
    requests: { restore: true }
  - mask: sent for good
    detect: [pii.card]
    with: hash
    requests: true
  - hold: reads
    approvers: { groups: [dba] }
    then: allow-with-mask
    fields: [$.email]
    with: redact`,
      'who: { everyone: true }\ntargets: ["*"]',
    ),
  ]);
  const at = (target: string) =>
    engine.masksAt(target).map(({ rule, predicates: _, ...rest }) => [rule.rule, rest]);
  const columns = ["public.customers.email"];
  const partial = (of: string) => ({ with: { kind: "partial", of } });
  t.same(at("orders"), [["both", { columns, detect: ["pii.email"], ...partial("email") }]]);
  t.same(at("api"), [
    [
      "addresses",
      { columns: [], fields: ["$..email", "$['home phone']"], detect: [], with: { kind: "hash" } },
    ],
    ["both", { columns, fields: ["$.x.email"], detect: ["pii.email"], ...partial("email") }],
    ["both", { columns: [], fields: ["$.y.phone"], detect: [], ...partial("phone") }],
    [
      "sent",
      {
        columns: [],
        fields: ["$.prompt"],
        detect: ["pii.email"],
        with: { kind: "redact" },
        requests: { restore: true },
      },
    ],
    [
      "sent for good",
      { columns: [], detect: ["pii.card"], with: { kind: "hash" }, requests: { restore: false } },
    ],
    ["reads", { columns: [], fields: ["$.email"], detect: [], with: { kind: "redact" } }],
  ]);
});

t.test("the keys of a mask stand in no other rule", async (t) => {
  const http = ["fields: [$.a]", "requests: true"];
  for (const key of [
    "columns: [a.b.c]",
    "tags: [secret]",
    "detect: [pii.email]",
    "predicates: allow",
    ...http,
  ]) {
    const [problem] = problemsOf(policy(`  - block: it\n    ${key}`));
    t.match(problem?.message, /^`\w+` may stand only with mask$/, key);
  }
});

t.test("what is written is what the mask says", async (t) => {
  t.same(masksOf(rule.replace("  - allow: everything", "")), [
    {
      rule: { policy: "sample", rule: "contact details", source: "a.yaml:5" },
      columns: ["public.customers.email"],
      detect: [],
      with: { kind: "redact" },
      predicates: "refuse",
    },
  ]);
  for (const [written, transform] of [
    ['"null"', { kind: "null" }],
    ["hash", { kind: "hash" }],
    ["{ partial: text }", { kind: "partial", of: "text" }],
    ['{ constant: "" }', { kind: "constant", value: "" }],
    ["{ constant: hidden }", { kind: "constant", value: "hidden" }],
  ] as const) {
    const masks = masksOf(`  - mask: it\n    columns: [a.b.c]\n    with: ${written}\n    predicates: allow`);
    t.match(masks, [{ with: transform, predicates: "allow" }], written);
  }
});

t.test("a column is read as columns are reported, however it is quoted", async (t) => {
  const written = `['public."customers".email', 'public."a.b"."Mail"', '*.cust*."say ""it"""']`;
  const [mask] = masksOf(`  - mask: it\n    columns: ${written}\n    with: hash`);
  t.same(mask?.columns, ["public.customers.email", 'public."a.b".Mail', '*.cust*."say ""it"""']);
});

t.test("a pattern of detectors is all that it fits, each once", async (t) => {
  const [mask] = masksOf('  - mask: it\n    detect: [secret.jwt, "secret.*", pii.card]\n    with: redact');
  t.same(mask, { ...mask, columns: [], detect: ["secret.jwt", "secret.aws_key", "pii.card"] });
});

t.test("partial alone goes by the last word of what it hides", async (t) => {
  const masks = masksOf(`  - mask: it
    columns: [public.orders.email, public.orders.phone]
    tags: ["pii.*"]
    detect: [pii.card]
    with: partial`);
  t.same(
    masks.map(({ columns, detect, with: transform }) => ({ columns, detect, transform })),
    [
      {
        columns: ["public.orders.email", "public.customers.email", "public.suppliers.contact"],
        detect: [],
        transform: { kind: "partial", of: "email" },
      },
      {
        columns: ["public.orders.phone", "public.customers.phone"],
        detect: [],
        transform: { kind: "partial", of: "phone" },
      },
      { columns: [], detect: ["pii.card"], transform: { kind: "partial", of: "card" } },
    ],
  );
});

t.test("partial alone is an error where a name does not tell which part may stay", async (t) => {
  for (const [hides, name] of [
    ["columns: [public.customers.email, public.customers.ssn]", "public.customers.ssn"],
    ["columns: ['public.customers.*']", "public.customers.*"],
    ["tags: ['*']", "secret"],
    ["detect: [secret.jwt]", "secret.jwt"],
    ["fields: [$.email.x]", "$.email.x"],
    ["fields: ['$.email[*]']", "$.email[*]"],
  ] as const) {
    const head = hides.startsWith("fields") ? ofHttp : undefined;
    const [problem] = problemsOf(policy(`  - mask: it\n    ${hides}\n    with: partial`, head));
    t.match(
      problem?.message,
      `which part of "${name}" may stay can't be told from its name: write { partial: email }, `,
      hides,
    );
    t.equal(problem?.line, 7);
  }
});

t.test("the mask of the design's sketch loads", async (t) => {
  const sketch = `  - mask: contact details
    columns: [public.customers.email, public.customers.phone]
    with: partial`;
  t.match(masksOf(sketch), [
    { with: { kind: "partial", of: "email" } },
    { with: { kind: "partial", of: "phone" } },
  ]);
});
