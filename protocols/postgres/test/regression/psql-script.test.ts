import t from "tap";
import { PsqlScript, type Step } from "./psql-script.ts";

function steps(text: string, variables: readonly (readonly [string, string])[] = []): Step[] {
  const script = new PsqlScript(text, new Map(variables));
  const found: Step[] = [];
  for (let step = script.next(); step !== undefined; step = script.next()) found.push(step);
  return found;
}

t.test("cuts at semicolons that psql cuts at", async (t) => {
  const whole = [
    "select 'a;b', \"c;d\", E'e\\';f', $$g;h$$, $x$i;$$j$x$",
    "create rule r as on insert to t do (select 1; select 2)",
    "create function f() returns int begin atomic select case when true then 1 end; select 2; end",
    "create or replace procedure p() begin atomic select 1; end",
    "select 'a'\n'b'",
  ];
  t.strictSame(
    steps(`${whole.join(";\n")};`),
    whole.map((sql) => ({ sql })),
  );
  t.strictSame(steps("begin; select 1;"), [{ sql: "begin" }, { sql: "select 1" }]);
  t.strictSame(steps("select 1 -- one; still\n + /* two; /* in */ */ 2; select 3"), [
    { sql: "select 1  \n +   2" },
  ]);
  t.strictSame(steps("select 1\\; select 2;"), [{ sql: "select 1; select 2" }]);
});

t.test("a backslash ends a string where it escapes nothing", async (t) => {
  t.strictSame(steps("select '\\'; select 2;"), [{ sql: "select '\\'" }, { sql: "select 2" }]);
  const script = new PsqlScript("select '\\'; select 2'; select 3;", new Map());
  script.backslashes = true;
  t.strictSame(script.next(), { sql: "select '\\'; select 2'" });
});

t.test("backslash commands stand alone, or end a statement", async (t) => {
  t.strictSame(steps("\\pset null x\nselect 1 as a \\gset p_ \\\\ \\echo :p_a\nselect 2 \\gx\n"), [
    { command: "pset null x" },
    { sql: "select 1 as a ", ending: "gset p_" },
    { command: "echo :p_a" },
    { sql: "select 2 ", ending: "gx" },
  ]);
});

t.test("variables stand in the place of their names, and nowhere else", async (t) => {
  t.strictSame(steps("select :v, :'v', :\"v\", ':v', x::v, y[1:v], :w, :{?v}, :{?w};", [["v", "it's"]]), [
    { sql: "select it's, 'it''s', \"it's\", ':v', x::v, y[1it's], :w, TRUE, FALSE" },
  ]);
  const script = new PsqlScript("", new Map([["folder", "/data"]]));
  t.strictSame(script.arguments("set file :folder '/it''s.data' plain"), [
    "set",
    "file",
    "/data",
    "/it's.data",
    "plain",
  ]);
});

t.test("the data of a COPY are lines up to the one that ends them", async (t) => {
  const script = new PsqlScript("copy t from stdin;\n1\ta;b\n2\t'\n\\.\nselect 1;", new Map());
  t.strictSame(script.next(), { sql: "copy t from stdin" });
  t.equal(script.copyData(), "1\ta;b\n2\t'\n");
  t.strictSame(script.next(), { sql: "select 1" });
});
