import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { configFolder, gatehouse } from "./gatehouse.ts";

const passing = `cases:
  - case: analysts read
    who: { groups: [crew-analyst] }
    target: orders
    level: reader
    statement: select * from orders
    expect: { effect: allow, rule: reads, policy: orders for analysts, masks: [] }
  - case: analysts change no schema
    who: { groups: [crew-analyst] }
    target: orders
    level: reader
    statement: drop table orders
    expect: { effect: block, rule: schema changes }
`;

async function folderWith(t: Test, files: Readonly<Record<string, string>>) {
  const { folder, config } = await configFolder(t);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, "policies", name), text);
  return { folder, config };
}

const test = (config: string, ...args: string[]) =>
  gatehouse(["policy", "test", "--config", config, ...args]);

t.test("cases that hold exit 0, with the rules that decided none", async (t) => {
  const { config } = await folderWith(t, { "orders.test.yaml": passing });
  const { code, stdout, stderr } = await test(config);
  t.same([code, stderr], [0, ""]);
  t.match(stdout, /^policies\/orders\.test\.yaml\n {2}✔ analysts read\n {2}✔ analysts change no schema\n/);
  t.match(stdout, /\nrules that decided no case\n/);
  t.match(stdout, /\n {2}block +changes of whole tables +policies\/operators\.yaml:\d+\n/);
  t.match(stdout, /\n2 cases: 2 passed; 2 of \d+ rules decided one\n$/);
});

t.test("a case that does not hold says why, and exits 1", async (t) => {
  const failing = passing.replace("drop table orders", "select 1");
  const { config } = await folderWith(t, { "orders.test.yaml": failing });
  const { code, stdout } = await test(config);
  t.equal(code, 1);
  t.match(
    stdout,
    / {2}✘ analysts change no schema\n {6}expected block, it was allow by "reads" of "orders for analysts" \(/,
  );
  t.match(stdout, /2 cases: 1 passed, 1 failed;/);
});

t.test("with --every-rule, a rule that decided no case is a failure", async (t) => {
  const { config } = await folderWith(t, { "orders.test.yaml": passing });
  const { code, stdout } = await test(config, "--every-rule");
  t.equal(code, 1);
  t.match(stdout, /\n✘ rules that decided no case\n/);
  const json = await test(config, "--every-rule", "--json");
  t.match(JSON.parse(json.stdout), { ok: false, cases: [{ status: "passed" }, { status: "passed" }] });
});

t.test("a case that is held counts for all rules that hold it", async (t) => {
  const rules = `policy: changes
who: { groups: [crew-analyst] }
targets: [orders]
rules:
  - hold: deletes
    when: '"DELETE" in sql.verbs'
    approvers: { groups: [dba] }
  - hold: of whole tables
    when: sql.unfiltered
    approvers: { groups: [security] }
`;
  const held = (expected: string) => `cases:
  - case: deletes wait
    who: { groups: [crew-analyst] }
    target: orders
    level: reader
    statement: delete from orders
    expect: ${expected}
`;
  const files = {
    "changes.yaml": rules,
    "a.test.yaml": held("{ effect: hold, rules: [deletes, of whole tables] }"),
  };
  const { config } = await folderWith(t, files);
  const { code, stdout } = await test(config);
  t.equal(code, 0, stdout);
  t.match(stdout, /1 case: 1 passed; 2 of \d+ rules decided one\n$/);
  t.notMatch(stdout, /\n {2}hold .* changes\.yaml/);
  const { config: other } = await folderWith(t, { ...files, "a.test.yaml": held("{ effect: allow }") });
  const failing = await test(other);
  t.equal(failing.code, 1);
  t.match(failing.stdout, /expected allow, it was hold by "deletes" of "changes" \(/);
});

t.test("the same as JSON", async (t) => {
  const { config } = await folderWith(t, { "orders.test.yaml": passing });
  const { code, stdout } = await test(config, "--json");
  t.equal(code, 0);
  t.match(JSON.parse(stdout), {
    ok: true,
    cases: [
      {
        case: "analysts read",
        source: "policies/orders.test.yaml:2",
        status: "passed",
        failures: [],
        ending: { effect: "allow", rule: { rule: "reads" } },
      },
      { status: "passed", ending: { effect: "block" } },
    ],
    rules: [{ reference: { rule: "reads" }, effect: "allow", decisive: 1 }],
  });
});

t.test("files may be named, and then are all that is run", async (t) => {
  const { folder, config } = await folderWith(t, { "orders.test.yaml": "cases: []", "more.yml": passing });
  const { code, stdout } = await test(config, join(folder, "policies", "more.yml"));
  t.equal(code, 0);
  t.match(stdout, /more\.yml\n {2}✔ analysts read/);
});

t.test("an error in a file of cases is shown with its place, and nothing is run", async (t) => {
  const wrong = passing.replace("rule: reads", "rule: raeds");
  const { config } = await folderWith(t, { "a.test.yaml": wrong, "b.test.yaml": passing });
  const { code, stdout, stderr } = await test(config);
  t.same([code, stdout], [1, ""]);
  t.match(stderr, /policies\/a\.test\.yaml:7:36: "raeds" is not the title of a rule; did you mean "reads"\?/);
  t.match(stderr, /1 problem; no case was run/);
  const json = await test(config, "--json");
  t.equal(json.code, 1);
  t.match(JSON.parse(json.stdout), { ok: false, problems: [{ line: 7 }] });
});

t.test("no cases at all is a failure, and so is a file that is not there", async (t) => {
  const { config } = await folderWith(t, {});
  const none = await test(config);
  t.equal(none.code, 1);
  t.match(none.stderr, /no cases: write some into a file such as policies\/orders\.test\.yaml/);
  const missing = await test(config, "nowhere.yaml");
  t.equal(missing.code, 1);
  t.match(missing.stderr, /nowhere\.yaml:1:1: can't be read/);
});
