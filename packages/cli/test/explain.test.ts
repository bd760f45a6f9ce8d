import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { configFolder, gatehouse } from "./gatehouse.ts";

const explain = (config: string, ...args: string[]) =>
  gatehouse(["policy", "explain", "--config", config, "--target", "orders", ...args]);

t.test("a block names its rule, the facts and what each rule says, and exits 1", async (t) => {
  const { config } = await configFolder(t);
  const args = ["--level", "reader", "--group", "crew-analyst", "--subject", "ann"];
  const { code, stdout } = await explain(config, ...args, "drop table orders");
  t.equal(code, 1);
  t.match(stdout, /^BLOCK {2}ann of crew-analyst on orders as reader/);
  t.match(
    stdout,
    /by "schema changes" of "orders for analysts" \(policies\/analysts\.yaml:9\)\n {7}Schema changes go/,
  );
  t.match(stdout, /sql\.writes +\["public\.orders"\]/);
  t.match(stdout, /● +block +schema changes +matched/);
  t.match(
    stdout,
    /· +allow +reads +did not match .*\n {6}sql\.access == "read" is false: sql\.access is "ddl"\n/,
  );
  t.match(stdout, /is for another identity/);
});

t.test("an allow exits 0, in words and as JSON", async (t) => {
  const { config } = await configFolder(t);
  const { code, stdout } = await explain(
    config,
    "--level",
    "reader",
    "--group",
    "crew-analyst",
    "select 1",
    "--json",
  );
  t.equal(code, 0);
  t.match(JSON.parse(stdout), {
    decision: { effect: "allow", rule: { rule: "reads" } },
    facts: { access: "read" },
  });
});

const masking = `policy: personal data
who: { everyone: true }
targets: [orders]
functions: { reads: [public.order_total] }
rules:
  - mask: contact details
    columns: [public.customers.email]
    with: partial
  - mask: writes
    columns: [public.customers.phone]
    with: redact
    when: sql.access == "write"
`;

t.test("the masks that hold are shown with what they hide and how", async (t) => {
  const { folder, config } = await configFolder(t);
  await writeFile(join(folder, "policies", "personal.yaml"), masking);
  const args = ["--level", "reader", "--group", "crew-analyst", "select email from customers"];
  const { code, stdout } = await explain(config, ...args);
  t.equal(code, 0);
  t.match(stdout, /● +mask +contact details +matched +policies\/personal\.yaml:6/);
  t.match(stdout, /· +mask +writes +did not match/);
  t.match(stdout, /\nmasks\n {2}public\.customers\.email +partial: email +contact details \(.*:6\)\n/);
  t.match(stdout, /gatehouse policy catalog orders > orders\.catalog\.json, and --catalog/);
  const json = await explain(config, ...args, "--json");
  t.match(JSON.parse(json.stdout), {
    decision: { effect: "allow", masks: [{ with: { kind: "partial", of: "email" } }] },
    ending: { effect: "allow", rule: { rule: "reads" } },
  });
});

const holding = `policy: changes
who: { groups: [crew-analyst] }
targets: [orders]
rules:
  - hold: deletes
    when: '"DELETE" in sql.verbs'
    approvers: [{ groups: [dba, sre], kinds: [human], count: 2 }, { subjects: [ann] }]
    reason: [requester, approver]
    scope: { same: shape, for: 15m }
    breakGlass: { groups: [oncall] }
    then: allow-with-mask
    columns: [public.customers.email]
    with: redact
    message: Ask the DBAs on call first.
`;

t.test("a hold says who may approve, for how long and what for, and exits 1", async (t) => {
  const { folder, config } = await configFolder(t);
  await writeFile(join(folder, "policies", "changes.yaml"), holding);
  const args = ["--level", "reader", "--group", "crew-analyst", "delete from customers where id = 1"];
  const { code, stdout } = await explain(config, ...args);
  t.equal(code, 1);
  t.match(stdout, /^HOLD {3}somebody of crew-analyst on orders as reader\n {7}by "deletes" of "changes" \(/);
  t.match(
    stdout,
    `
approval
  deletes (policies/changes.yaml:5)
    approved by      2 of dba or sre (human), and by 1 of ann
    within           15m
    good for         this command with any values, for 15m
    reason given by  requester and approver
    message          Ask the DBAs on call first.
  Without an answer it is let through, with more of its answer masked.
`,
  );
  t.match(stdout, /● +hold +deletes +matched +policies\/changes\.yaml:5/);
  t.match(stdout, /\nmasks without an answer\n {2}public\.customers\.email +redact +deletes \(/);
  const json = await explain(config, ...args, "--json");
  t.match(JSON.parse(json.stdout), {
    decision: { effect: "hold", holds: [{ scope: { same: "shape", for: 900_000 } }] },
    ending: { effect: "hold", rule: { rule: "deletes" }, holds: [{ expires: 900_000 }], unanswered: {} },
  });
});

t.test("a hold that nobody answers is refused, unless its rule says otherwise", async (t) => {
  const { folder, config } = await configFolder(t);
  const plain = "  - hold: everything\n    approvers: { groups: [dba] }\n";
  await writeFile(join(folder, "policies", "changes.yaml"), holding + plain);
  const args = ["--level", "reader", "--group", "crew-analyst", "delete from customers where id = 1"];
  const { stdout } = await explain(config, ...args);
  t.match(
    stdout,
    / {2}everything \(.*\)\n {4}approved by {2}1 of dba\n.*\n {4}good for {5}this command, once\n/,
  );
  t.match(stdout, /\n {2}Without an answer it is refused\.\n/);
  t.notMatch(stdout, /masks without an answer/);
});

t.test("a broken glass is an allow that names the rules which it passes", async (t) => {
  const { folder, config } = await configFolder(t);
  await writeFile(join(folder, "policies", "changes.yaml"), holding);
  const groups = ["--group", "crew-analyst", "--group", "oncall"];
  const { code, stdout } = await explain(
    config,
    "--level",
    "reader",
    ...groups,
    "delete from customers where id = 1",
  );
  t.equal(code, 0);
  t.match(stdout, /^ALLOW .*\n {7}by "deletes" of .*\n {7}its glass is broken: not held by deletes \(.*:5\)/);
});

t.test("the access is the one that the rules see", async (t) => {
  const { folder, config } = await configFolder(t);
  const args = ["--level", "reader", "--group", "crew-analyst", "select order_total(1)"];
  const unknown = await explain(config, ...args);
  t.equal(unknown.code, 1);
  t.match(unknown.stdout, /sql\.access +"unknown"/);
  await writeFile(join(folder, "policies", "personal.yaml"), masking);
  const known = await explain(config, ...args);
  t.equal(known.code, 0);
  t.match(known.stdout, /sql\.access +"read"/);
});

t.test("what no rule could decide is said to be refused before any rule", async (t) => {
  const { config } = await configFolder(t);
  const { code, stdout } = await explain(config, "--level", "reader", "selec 1");
  t.equal(code, 1);
  t.match(stdout, /BLOCK {2}before any rule: syntax error at or near "selec"/);
});

t.test("an unknown target or level is answered with the nearest one", async (t) => {
  const { config } = await configFolder(t);
  const target = await gatehouse([
    "policy",
    "explain",
    "-c",
    config,
    "-t",
    "order",
    "-l",
    "reader",
    "select 1",
  ]);
  t.same([target.code, target.stderr], [1, 'no target "order"; did you mean "orders"?\n']);
  const level = await explain(config, "--level", "reder", "select 1");
  t.same([level.code, level.stderr], [1, 'no level "reder" of "orders"; did you mean "reader"?\n']);
});
