import t from "tap";
import type { Mask } from "@gatehouse/core";
import type { Lineage } from "../../src/lineage/lineage.ts";
import { type Maskable, planMasks } from "../../src/masking/plan.ts";
import { lineageOf, maskOf } from "../support/masking.ts";

const EMAIL = "public.customers.email";
const PHONE = "public.customers.phone";
const NAME = "public.customers.name";

const partial = maskOf([EMAIL], { kind: "partial", of: "email" });

function of(lineage: Lineage | undefined, more: Partial<Maskable> = {}): Maskable {
  return { statements: lineage?.length ?? 1, ...(lineage ? { lineage } : {}), ...more };
}

function columns(lineage: Lineage, masks: readonly Mask[]) {
  const planned = planMasks(of(lineage), masks);
  if (!planned.ok) throw new Error(planned.message);
  return planned.plan?.statements.map((statement) => statement.columns?.map((one) => one?.kind));
}

t.test("each output column has the transform of the column that it shows", async (t) => {
  t.strictSame(columns([lineageOf([NAME, EMAIL, PHONE])], [partial]), [[undefined, "partial", undefined]]);
  t.strictSame(columns([lineageOf([NAME]), lineageOf([EMAIL])], [partial]), [undefined, ["partial"]]);
});

t.test("of several masks, the one that leaves less", async (t) => {
  const transforms = [
    { kind: "partial", of: "email" },
    { kind: "hash" },
    { kind: "constant", value: "x" },
    { kind: "redact" },
    { kind: "null" },
  ] as const;
  for (const [index, strict] of transforms.entries()) {
    for (const loose of transforms.slice(0, index)) {
      const masks = [maskOf([EMAIL], strict), maskOf(["public.*.email"], loose)];
      t.strictSame(columns([lineageOf([EMAIL])], masks), [[strict.kind]]);
      t.strictSame(columns([lineageOf([EMAIL])], masks.reverse()), [[strict.kind]]);
    }
  }
  const both = lineageOf([{ from: [EMAIL, PHONE] }]);
  t.strictSame(
    columns([both], [partial, maskOf([PHONE], { kind: "null" })]),
    [["null"]],
    "of a view's column",
  );
});

t.test("nothing is left of what is computed from a masked value", async (t) => {
  const derived = lineageOf([{ from: [EMAIL], exact: false }]);
  for (const kind of ["hash", "redact"] as const) {
    t.strictSame(columns([derived], [maskOf([EMAIL], { kind })]), [["withheld"]]);
  }
  t.strictSame(columns([derived], [maskOf([EMAIL], { kind: "null" })]), [["null"]]);
});

t.test("what is hidden is told by column, with how and by which rules", async (t) => {
  const other = maskOf(["public.*.email"], { kind: "redact" });
  const planned = planMasks(
    of([lineageOf([NAME, EMAIL]), lineageOf([{ from: [EMAIL, PHONE], exact: false }])]),
    [partial, other],
  );
  t.match(planned, {
    hidden: [
      { name: "email", with: { kind: "redact" }, rules: [other.rule, partial.rule] },
      { with: { kind: "withheld" }, rules: [other.rule, partial.rule] },
    ],
  });
});

t.test("a statement that gives nothing and touches nothing masked has no plan", async (t) => {
  t.strictSame(planMasks(of([lineageOf(undefined, { predicates: [NAME] })]), [partial]), {
    ok: true,
    applied: [],
  });
});

t.test(
  "one that gives something has a plan of where that comes from, though nothing of it is hidden",
  async (t) => {
    const origins = [{ relation: 16_384, column: 2 }];
    const lineage = [
      lineageOf([
        { from: [NAME], origins },
        { from: [], exact: false },
      ]),
    ];
    const plan = {
      statements: [{ types: [undefined, undefined], origins: [origins, undefined] }],
      touches: false,
    };
    t.match(planMasks(of(lineage), [partial]), { ok: true, plan, applied: [] });
    t.match(
      planMasks(of(lineage), [{ ...partial, columns: [], detect: ["email"] }]),
      { plan: { statements: [{ origins: undefined }] } },
      "detectors look at the values alone",
    );
  },
);

t.test("one that reads or changes a masked column has one, though it shows nothing of it", async (t) => {
  for (const touching of [{ reads: [EMAIL] }, { writes: [EMAIL] }]) {
    const planned = planMasks(of([lineageOf([NAME], touching)]), [partial]);
    t.match(planned, { ok: true, plan: { touches: true, statements: [{ columns: undefined }] } });
  }
});

t.test("the same objects have the same plan, made once", async (t) => {
  const analysis = of([lineageOf([EMAIL])]);
  const masks = [partial];
  t.equal(planMasks(analysis, masks), planMasks(analysis, masks));
  t.not(planMasks(analysis, masks), planMasks(analysis, [partial]), "other masks, another plan");
});

t.test("what can't be masked is refused, with the part that it is about", async (t) => {
  const cases: readonly (readonly [Maskable, RegExp])[] = [
    [of(undefined), /does not know what this statement reads/],
    [{ statements: 2, lineage: [lineageOf([NAME])] }, /does not know what this statement reads/],
    [of([lineageOf([NAME]), lineageOf([], { gaps: ["the function public.f"] })]), /the function public\.f/],
    [
      of([lineageOf([NAME], { predicates: [EMAIL] })]),
      /The column public\.customers\.email is masked, and .* depend/,
    ],
    [
      of([lineageOf(undefined, { flows: [{ from: [EMAIL], to: "table public.copies" }] })]),
      /would put its values into table public\.copies/,
    ],
    [
      of([lineageOf([EMAIL])], {
        copies: [{ statement: 0, format: { kind: "unknown", option: "encoding" } }],
      }),
      /its option encoding can't be followed/,
    ],
  ];
  for (const [analysis, message] of cases) {
    const refused = planMasks(analysis, [partial]);
    t.match(refused, { ok: false, message, hint: /./, rule: partial.rule });
  }
});

t.test("a refusal names the mask that stands in the way, of several", async (t) => {
  const phones = maskOf([PHONE], { kind: "redact" });
  const unknown = { statement: 0, format: { kind: "unknown", option: "encoding" } } as const;
  for (const analysis of [
    of([lineageOf([NAME], { predicates: [PHONE] })]),
    of([lineageOf(undefined, { flows: [{ from: [PHONE], to: "table public.copies" }] })]),
    of([lineageOf([NAME, PHONE])], { copies: [unknown] }),
  ]) {
    t.match(planMasks(analysis, [partial, phones]), { ok: false, rule: phones.rule });
  }
  const detecting = maskOf([], { kind: "redact" }, { detect: ["jwt"] });
  t.match(planMasks(of(undefined, { copies: [unknown] }), [detecting]), { ok: false, rule: detecting.rule });
});

t.test("a mask that can't be put on the type of a column that is shown is refused", async (t) => {
  const hash = maskOf([EMAIL], { kind: "hash" });
  const shown = (type: number, exact = true) =>
    of([lineageOf([NAME, { name: "x", from: [EMAIL], exact, type }])]);
  t.match(planMasks(shown(25), [hash]), { ok: true });
  t.match(planMasks(shown(1184), [hash]), {
    ok: false,
    message: "The column x of the answer is masked in a way that can't be put on its type.",
    rule: hash.rule,
  });
  t.match(planMasks(shown(1184, false), [hash]), { ok: true }, "what is computed is NULL, whatever its type");
  t.match(
    planMasks(shown(1184), [hash, maskOf([EMAIL], { kind: "redact" })]),
    { ok: true },
    "a stricter holds",
  );
  const constant = maskOf([EMAIL], { kind: "constant", value: "x" });
  t.match(planMasks(shown(23), [constant]), { ok: false, rule: constant.rule });
});

t.test("a mask may allow predicates, and only for its own columns", async (t) => {
  const allowing = maskOf([EMAIL], { kind: "redact" }, { predicates: "allow" });
  const both = [allowing, maskOf([PHONE], { kind: "redact" })];
  t.match(planMasks(of([lineageOf([NAME], { predicates: [EMAIL], reads: [EMAIL] })]), both), { ok: true });
  t.match(planMasks(of([lineageOf([NAME], { predicates: [PHONE] })]), both), { ok: false });
  t.match(planMasks(of([lineageOf([NAME], { failing: [EMAIL] })]), both), { ok: true });
  t.match(planMasks(of([lineageOf([NAME], { failing: [PHONE] })]), both), {
    message: /whether the statement fails/,
  });
  t.match(planMasks(of([lineageOf([NAME], { predicates: [EMAIL] })]), [allowing, partial]), { ok: false });
});

t.test("detectors need no lineage", async (t) => {
  const detecting = maskOf([], { kind: "redact" }, { detect: ["jwt"] });
  t.match(planMasks(of(undefined), [detecting]), {
    ok: true,
    plan: { touches: false, detecting: [detecting] },
    applied: [{ hides: ["jwt"] }],
  });
  t.match(planMasks(of(undefined), [detecting, partial]), { ok: false }, "columns do");
});

t.test("patterns: stars inside parts, quotes around odd names", async (t) => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["public.customers.email", EMAIL, true],
    ["public.customers.*", EMAIL, true],
    ["*.*.e*l", EMAIL, true],
    ["*.*.*m*m*", EMAIL, false],
    ["public.customers.mail", EMAIL, false],
    // No policy with this one is loaded: should it get here, it hides too much and not too little.
    ["public.*", EMAIL, true],
    ['public."a.b".c', 'public."a.b".c', true],
    ['public."a.b".c', "public.a.b", false],
    ['public."say ""x""".*', 'public."say ""x""".c', true],
    ["public.*.c", 'public."a.b".c', true],
  ];
  for (const [pattern, column, matches] of cases) {
    const [found] = columns([lineageOf([column])], [maskOf([pattern], { kind: "redact" })]) ?? [];
    t.equal(found !== undefined, matches, `${pattern} ${column}`);
  }
  const evil = `public.t.${"*a".repeat(200)}`;
  t.strictSame(columns([lineageOf([`public.t.${"a".repeat(60)}`])], [maskOf([evil], { kind: "null" })]), [
    undefined,
  ]);
});
