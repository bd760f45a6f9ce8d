import { loadModule, parseSync } from "libpg-query";
import t from "tap";
import { type Analysis, combine, type Reading } from "../../src/analysis/analysis.ts";
import { analyze } from "../../src/analysis/analyze.ts";
import { toCommand } from "../../src/commands.ts";

await loadModule();

const PUBLIC: Reading = { path: ["public"], backslashes: false, touched: false, usesUser: false };

const analysisOf = (text: string, path = PUBLIC.path) =>
  analyze(text, parseSync(text).stmts ?? [], { ...PUBLIC, path }).analysis;

t.test(
  "of a text that is unknown for its functions, it is known which and what it is but for them",
  async (t) => {
    for (const [text, otherwise, names] of [
      ["select total(1)", "read", ["public.total"]],
      ["select app.total(a), lower(b) from t where public.rate(c) > 1", "read", ["app.total", "public.rate"]],
      ["with x as (select total(1)) select * from x", "read", ["public.total"]],
      ["update t set n = total(n)", "write", ["public.total"]],
      ["select total(1); drop table t", "ddl", ["public.total"]],
      ["select total(1), pg_reload_conf()", "admin", ["public.total"]],
      ["select * from app.rows()", "read", ["app.rows"]],
      ["explain update t set n = total(n)", "read", ["public.total"]],
      ["select total(1) for update", "write", ["public.total"]],
    ] as const) {
      t.match(analysisOf(text), { access: "unknown", userFunctions: { names, otherwise } }, text);
    }
  },
);

t.test("what is unknown for another reason is unknown without its functions", async (t) => {
  for (const text of [
    "select total(1), query_to_xml('select 1', true, true, '')",
    "do 'begin end'; select total(1)",
    "select total(1) operator(app.+) 2",
  ]) {
    t.match(analysisOf(text), { access: "unknown", userFunctions: { otherwise: "unknown" } }, text);
  }
  for (const text of ["call app.total(1)", "select query_to_xml('select 1', true, true, '')", "execute p"]) {
    t.equal(analysisOf(text).userFunctions, undefined, text);
  }
  t.equal(analysisOf("select lower(a) from t").userFunctions, undefined);
});

t.test(
  "a name that several schemas may have is each of them, and one of PostgreSQL's own is none",
  async (t) => {
    t.same(analysisOf("select total(1)", ["app", "public"]).userFunctions?.names, [
      "app.total",
      "public.total",
    ]);
    const hiding = analysisOf("select lower('a'), app.total(1)", ["public", "pg_catalog"]);
    t.same(hiding.userFunctions, { names: ["app.total"], otherwise: "unknown" }, "lower may be anybody's");
  },
);

/** What the only statement of a text runs by name. */
function bodies(...analyses: readonly Analysis[]) {
  return analyses.map((analysis) => ({ statement: 0, analysis }));
}

t.test("what is run by name brings its functions with it", async (t) => {
  const execute = analysisOf("execute p");
  const [total, update] = [analysisOf("select total(1)"), analysisOf("update t set n = rate(n)")];
  t.match(combine(execute, bodies(total), true), {
    access: "unknown",
    userFunctions: { names: ["public.total"], otherwise: "read" },
  });
  t.match(combine(execute, bodies(total, update), true).userFunctions, {
    names: ["public.rate", "public.total"],
    otherwise: "write",
  });
  t.equal(combine(execute, bodies(total), false).userFunctions, undefined, "not all that it runs is known");
  t.equal(combine(execute, bodies(analysisOf("select 1")), true).userFunctions, undefined);
  const given = analysisOf("execute p(total(1))");
  t.equal(given.userFunctions, undefined, "what p is comes first");
  t.equal(combine(given, bodies(analysisOf("select 1")), true).access, "unknown");
  t.equal(combine(given, bodies(total), true).userFunctions?.otherwise, "unknown");
});

t.test("a command hands them on", async (t) => {
  const text = "select total(1)";
  t.same(toCommand("query", text, analysisOf(text)).userFunctions, {
    names: ["public.total"],
    otherwise: "read",
  });
});
