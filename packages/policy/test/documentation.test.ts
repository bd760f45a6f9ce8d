import { readFileSync } from "node:fs";
import t from "tap";
import { readCases } from "../src/index.ts";
import { holdKeys } from "../src/hold-keys.ts";
import { load, policy, problemsOf, request, sqlFacts, targets } from "./fixtures.ts";

const page = readFileSync(new URL("../../../docs/policies.md", import.meta.url), "utf8");

/** The indented blocks of the page, without their indentation; a blank line does not end one. */
function examples(): string[] {
  const blocks = page.replace(/```.*?```/gs, "").match(/(?:^ {4}.*\n|^\n(?= {4}))+/gm) ?? [];
  return blocks.map((block) => block.replace(/^ {4}/gm, "").trim());
}

t.test("every example of the documentation loads", async (t) => {
  const texts = examples().map((text) =>
    (text.startsWith("rules:") ? policy(text.replace("rules:\n", "")) : text).replace(
      "[crew-analyst]",
      "[analysts]",
    ),
  );
  t.ok(texts.length >= 4);
  for (const text of texts) t.same(problemsOf(text), [], text);
});

t.test("the documentation's cases are read", async (t) => {
  const engine = load([
    policy(`  - allow: reads
    when: sql.access == "read"
  - mask: contact details
    columns: [public.customers.email]
    with: hash`),
  ]);
  const files = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = ""]) => text);
  t.equal(files.length, 2);
  for (const text of files) {
    const read = readCases({ path: "docs.test.yaml", text }, engine, targets);
    t.match(read, { ok: true, cases: { length: 2 } }, text);
  }
});

t.test("the documentation's table of holds has every key, and says what holds without it", async (t) => {
  const [, chapter = ""] = page.split("## Hold a command for a person");
  const [table = ""] = chapter.split("What stands in brackets");
  const keys = [...table.matchAll(/^\| `(\w+)` *\|/gm)].map(([, key]) => key);
  t.same(keys.sort(), ["message", "when", ...Object.keys(holdKeys)].sort());
  const said = (key: string) => new RegExp(`\\| \`${key}\` .*\\(\`(.*)\`\\)`).exec(table)?.[1] ?? "";
  const rule = "  - hold: it\n    approvers: { groups: [dba] }";
  const written = ["expires", "scope", "then"].map((key) => `    ${key}: ${said(key)}`).join("\n");
  const terms = (text: string) => {
    const decision = load([policy(text)]).decide(request());
    return decision.effect === "hold" ? decision.holds : undefined;
  };
  t.match(written, /: 15m\n.*: \{ same: command, for: once \}\n.*: refuse$/);
  t.same(terms(`${rule}\n${written}`), terms(rule));
});

t.test("the documentation's table has every variable, and each can be named", async (t) => {
  const names = [...page.matchAll(/^\| `((?:sql|identity|target|session)\.\w+|time)` *\|/gm)].map(
    ([, name]) => name,
  );
  for (const fact of Object.keys(sqlFacts.facts)) t.ok(names.includes(`sql.${fact}`), fact);
  for (const name of names) load([policy(`  - allow: it\n    when: ${name ?? ""} == ${name ?? ""}`)]);
  t.equal(names.length, Object.keys(sqlFacts.facts).length + 8);
});

t.test("every function that the documentation lists may be called, and in the way it says", async (t) => {
  for (const when of [
    'sql.text.startsWith("a") || sql.text.endsWith("a") || sql.text.contains("a")',
    'sql.text.indexOf("a") < sql.text.lastIndexOf("a") && sql.text.substring(0, 1) == "a"',
    'sql.text.trim().lowerAscii().upperAscii().split(" ").join(",").size() > 1',
    'sql.reads.exists(x, x == "a") && sql.reads.exists_one(x, x == "a") && sql.reads.all(x, x == "a")',
    'sql.reads.filter(x, x == "a").map(x, x + "b").size() == 0',
    "time.getFullYear() + time.getMonth() + time.getDate() + time.getDayOfWeek() > time.getHours() + time.getMinutes()",
    'time.getHours("Europe/Berlin") > 8 && time - duration("1h") > timestamp("2026-01-01T00:00:00Z")',
    "int(string(sql.statements)) == 1",
  ]) {
    t.same(problemsOf(policy(`  - allow: it\n    when: '${when}'`)), [], when);
  }
});
