import { loadModule, parseSync } from "libpg-query";
import t from "tap";
import { analyze } from "../../src/analysis/analyze.ts";
import { statementKinds } from "../../src/analysis/statements.ts";
import { definitions } from "./definitions.data.ts";
import { changing, reading, settings } from "./statements.data.ts";

await loadModule();
const all = [...reading, ...changing, ...settings, ...definitions];

function analysisOf(text: string) {
  return analyze(text === "" ? [] : (parseSync(text).stmts ?? []), "public");
}

/** An analysis in the words of the table. */
function said(text: string): string {
  const { access, verbs, reads, writes, functions, unfiltered, unsupported } = analysisOf(text);
  if (unsupported !== undefined) return "unsupported";
  const short = (names: readonly string[], schema: string) =>
    names.map((name) => (name.startsWith(`${schema}.`) ? name.slice(schema.length + 1) : name)).join(",");
  // An object that stands in no schema is marked, to be told from one in `public`.
  const changed = writes.map((name) => (/[."]/.test(name) ? name : `=${name}`));
  return [
    access,
    ...(verbs.length > 0 ? [verbs.join(",")] : []),
    ...(reads.length > 0 ? [`< ${short(reads, "public")}`] : []),
    ...(writes.length > 0 ? [`> ${short(changed, "public")}`] : []),
    ...(functions.length > 0 ? [`f ${short(functions, "pg_catalog")}`] : []),
    ...(unfiltered ? ["!"] : []),
  ].join(" ");
}

for (const [text, expected] of all) {
  t.test(text === "" ? "(the empty text)" : text, async (t) => {
    t.equal(said(text), expected);
  });
}

t.test("every kind of statement in the table is one of the grammar, and has an example here", async (t) => {
  const seen = new Set<string>();
  const look = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    for (const [key, child] of Object.entries(node)) {
      if (/^[A-Z]\w*Stmt$/.test(key)) seen.add(key);
      look(child);
    }
  };
  for (const [text] of all) if (text !== "") look(parseSync(text));
  t.strictSame(
    [...statementKinds.keys()].filter((kind) => !seen.has(kind)),
    [],
  );
  t.strictSame(
    [...seen].filter((kind) => !statementKinds.has(kind)),
    [],
    "nothing here is left unknown",
  );
});

t.test("a kind that nobody has looked at is unknown", async (t) => {
  const analysis = analyze([{ stmt: { TeleportStmt: { relation: { relname: "a" } } } }], "public");
  t.match(analysis, { access: "unknown", verbs: ["TeleportStmt"], writes: ["public.a"] });
});

t.test("names are read in the target's schema", async (t) => {
  const { reads } = analyze(parseSync("select * from a, pg_class, b.c").stmts ?? [], "sales.eu");
  t.strictSame(reads, ['"sales.eu".a', "b.c", "pg_catalog.pg_class"]);
});

t.test("names that a statement takes away are reported", async (t) => {
  const forgets = (text: string) => analysisOf(text).forgets;
  t.strictSame(forgets("deallocate s"), { statements: ["s"], portals: [] });
  t.strictSame(forgets("deallocate all"), { statements: "all", portals: [] });
  t.strictSame(forgets("prepare s as select 1"), { statements: ["s"], portals: [] });
  t.strictSame(forgets("declare c cursor for select 1"), { statements: [], portals: ["c"] });
  t.strictSame(forgets("close c"), { statements: [], portals: ["c"] });
  t.strictSame(forgets("close all"), { statements: [], portals: "all" });
  t.strictSame(forgets("discard all"), { statements: "all", portals: "all" });
  t.strictSame(forgets("discard plans"), { statements: [], portals: [] });
  t.strictSame(forgets("select 1; deallocate a; deallocate b"), { statements: ["a", "b"], portals: [] });
});
