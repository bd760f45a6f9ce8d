import { loadModule, parseSync } from "libpg-query";
import t from "tap";
import type { Reading } from "../../src/analysis/analysis.ts";
import { analyze } from "../../src/analysis/analyze.ts";
import { statementKinds } from "../../src/analysis/statements.ts";
import { definitions } from "./definitions.data.ts";
import { changing, reading, settings } from "./statements.data.ts";

await loadModule();
const all = [...reading, ...changing, ...settings, ...definitions];

const PUBLIC: Reading = { path: ["public"], backslashes: false, touched: false, usesUser: false };

function analysisOf(text: string, reading = PUBLIC) {
  return analyze(text, text === "" ? [] : (parseSync(text).stmts ?? []), reading).analysis;
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
  const stmts = [{ stmt: { TeleportStmt: { relation: { relname: "a" } } } }];
  t.match(analyze("teleport a", stmts, PUBLIC).analysis, {
    access: "unknown",
    verbs: ["TeleportStmt"],
    writes: ["public.a"],
  });
});
