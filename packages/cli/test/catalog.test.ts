import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { configFolder, gatehouse } from "./gatehouse.ts";

/** The demo's. That it is what `policy catalog` prints, the demo's tests show. */
const catalog = join(import.meta.dirname, "..", "..", "demo", "policies", "orders.catalog.json");

const masks = `policy: personal data
who: { everyone: true }
targets: [orders]
rules:
  - mask: contact details
    columns: [public.customers.email]
    with: partial
`;

const cases = `cases:
  - case: a view is no way around
    who: { groups: [crew-analyst] }
    target: orders
    level: reader
    statement: select contact from customer_contacts
    expect: { effect: allow, masks: { contact details: [contact] } }
`;

const explain = (config: string, ...args: string[]) =>
  gatehouse(["policy", "explain", "--config", config, "--target", "orders", ...args]);
const test = (config: string, ...args: string[]) =>
  gatehouse(["policy", "test", "--config", config, ...args]);

t.test("a target that can't be asked is said to be one, and nothing is printed", async (t) => {
  const { config } = await configFolder(t);
  const args = ["policy", "catalog", "orders", "--config", config];
  const { code, stdout, stderr } = await gatehouse(args, { READER_PASSWORD: "secret-of-the-reader" });
  t.same([code, stdout], [1, ""]);
  t.match(stderr, /^✘ The catalog of "orders" can't be read, .*\n.*\n {2}CATALOG_UNAVAILABLE\n$/);
  t.notMatch(stderr, /secret-of-the-reader/);
});

t.test("an unknown target is answered with the nearest one", async (t) => {
  const { config } = await configFolder(t);
  const { code, stderr } = await gatehouse(["policy", "catalog", "order", "--config", config]);
  t.same([code, stderr], [1, 'no target "order"; did you mean "orders"?\n']);
});

t.test("with a catalog, the lineage of each column is shown and how it is hidden", async (t) => {
  const { folder, config } = await configFolder(t);
  await writeFile(join(folder, "policies", "personal.yaml"), masks);
  const text =
    "select contact, length(email) as n, 1 as one from customer_contacts, customers where city = 'Oslo'";
  const args = ["--level", "reader", "--group", "crew-analyst", "--catalog", catalog, text];
  const { code, stdout } = await explain(config, ...args);
  t.equal(code, 0, stdout);
  t.match(
    stdout,
    /\nlineage\n {2}contact +← +public\.customer_contacts\.contact, public\.customers\.email\n/,
  );
  t.match(stdout, /\n {2}n +← +public\.customers\.email \(computed\)\n {2}one +← +nothing stored\n/);
  t.match(stdout, /\n {2}which rows there are, or their order: public\.customers\.city\n/);
  t.match(
    stdout,
    /\nmasks\n {2}contact +partial: email +contact details \(policies\/personal\.yaml:5\)\n {2}n +withheld +contact details/,
  );
  const json = await explain(config, ...args, "--json");
  t.match(JSON.parse(json.stdout), {
    ending: {
      hidden: [
        { name: "contact", with: { kind: "partial" } },
        { name: "n", with: { kind: "withheld" } },
      ],
    },
    rules: [{ reasons: [{ text: 'sql.access == "read"', result: true, facts: { "sql.access": "read" } }] }],
    lineage: [{ outputs: [{ name: "contact", exact: true }, { name: "n", exact: false }, { from: [] }] }],
  });
});

t.test(
  "with a catalog, a statement that the masks refuse is refused, and what can't be followed is named",
  async (t) => {
    const { folder, config } = await configFolder(t);
    await writeFile(join(folder, "policies", "personal.yaml"), masks);
    const args = ["--level", "reader", "--group", "crew-analyst", "--catalog", catalog];
    const oracle = await explain(config, ...args, "select id from customers where email = 'x'");
    t.equal(oracle.code, 1);
    t.match(
      oracle.stdout,
      /^BLOCK .*\n {7}by "contact details" of .*\n {7}The column public\.customers\.email is masked/,
    );
    t.match(oracle.stdout, /\nmasks\n {2}refused: The column/);
    const gap = await explain(config, ...args, "select * from no_such_table");
    t.equal(gap.code, 1);
    t.match(gap.stdout, /\n {2}not understood: .*no_such_table/);
  },
);

t.test("a catalog that is none is an error with its place", async (t) => {
  const { folder, config } = await configFolder(t);
  const file = join(folder, "wrong.json");
  await writeFile(file, '{\n "catalog": 7 }');
  const args = ["--level", "reader", "--catalog", file, "select 1"];
  const { code, stdout, stderr } = await explain(config, ...args);
  t.same([code, stdout], [1, ""]);
  t.match(
    stderr,
    /wrong\.json:2:13: expected a catalog of format 1, .*\n[\s\S]*1 problem; nothing was explained/,
  );
  const missing = await explain(
    config,
    "--level",
    "reader",
    "--catalog",
    join(folder, "no.json"),
    "select 1",
  );
  t.match(missing, { code: 1, stderr: /no\.json:1:1: can't be read/ });
});

t.test("what rests on masks takes the target's catalog, and the error says how to write it", async (t) => {
  const { folder, config } = await configFolder(t);
  await writeFile(join(folder, "policies", "personal.yaml"), masks);
  const file = join(folder, "policies", "orders.test.yaml");
  await writeFile(file, cases);
  const without = await test(config);
  t.same([without.code, without.stdout], [1, ""]);
  t.match(
    without.stderr,
    /orders\.test\.yaml:7:30: this takes the target's catalog: write it with `gatehouse policy/,
  );
  await writeFile(file, `catalogs: { orders: orders.catalog.json }\n${cases}`);
  const missing = await test(config);
  t.match(missing, { code: 1, stderr: /policies\/orders\.catalog\.json:1:1: can't be read/ });
  await copyFile(catalog, join(folder, "policies", "orders.catalog.json"));
  const { code, stdout } = await test(config);
  t.equal(code, 0);
  t.match(stdout, /✔ a view is no way around\n/);
  t.match(stdout, /1 case: 1 passed; 2 of \d+ rules decided one/);
});

t.test("a mask that does not fit a catalog is shown; one that can't be kept is a failure", async (t) => {
  const { folder, config } = await configFolder(t);
  const misfitting = masks
    .replace("public.customers.email", "public.customers.mail, public.customers.id")
    .replace("with: partial", "with: { partial: email }");
  await writeFile(join(folder, "policies", "personal.yaml"), misfitting);
  const passing = cases.replace(/expect: .*/, "expect: { effect: allow, masks: [] }");
  await writeFile(
    join(folder, "policies", "orders.test.yaml"),
    `catalogs: { orders: orders.catalog.json }\n${passing}`,
  );
  await copyFile(catalog, join(folder, "policies", "orders.catalog.json"));
  const { code, stdout } = await test(config);
  t.equal(code, 1);
  t.match(
    stdout,
    /\n {2}! contact details .*\n {6}on orders: there is no column public\.customers\.mail: .*email/,
  );
  t.match(stdout, /\n {2}✘ contact details .*\n {6}on orders: .*public\.customers\.id/);
  const json = await test(config, "--json");
  t.match(JSON.parse(json.stdout), {
    ok: false,
    misfits: [
      { target: "orders", severity: "warning", column: "public.customers.mail" },
      { severity: "error", column: "public.customers.id" },
    ],
  });
});
