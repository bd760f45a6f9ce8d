import { createFakeClock, sampleSession, startPostgres } from "@gatehouse/testkit";
import pg from "pg";
import t, { type Test } from "tap";
import { database, superuser } from "../support/database.ts";
import { clientOf, PASSWORD, value } from "./support/minting.ts";
import { levelBy, policiesOf, provisioning } from "./support/policies.ts";

const server = await startPostgres();
t.teardown(() => server.stop());
const root = await superuser(t, server);
await root.query(`
  CREATE ROLE gatehouse_admin LOGIN CREATEROLE PASSWORD '${PASSWORD}';
  CREATE ROLE owner; CREATE ROLE other;
  GRANT owner TO gatehouse_admin`);

const SCHEMA = `
  CREATE SCHEMA app AUTHORIZATION owner; CREATE SCHEMA "Hos""tile; DROP TABLE orders" AUTHORIZATION owner;
  GRANT ALL ON SCHEMA public TO owner;
  SET ROLE owner;
  CREATE TABLE customers (id serial PRIMARY KEY, name text, ssn text);
  CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id int REFERENCES customers, note text);
  CREATE TABLE items (order_id int REFERENCES orders ON DELETE CASCADE, n int);
  CREATE TABLE salaries (id int PRIMARY KEY, amount int);
  CREATE TABLE parts (id int, n int) PARTITION BY RANGE (id);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
  CREATE TABLE log (at timestamptz DEFAULT now(), what text);
  CREATE VIEW names AS SELECT id, name FROM customers;
  CREATE VIEW payroll AS SELECT count(amount) FROM salaries;
  CREATE VIEW callers WITH (security_invoker) AS SELECT id, note FROM orders;
  CREATE TABLE shown (id int, row_owner int);
  CREATE POLICY shown ON shown USING (EXISTS (SELECT FROM log WHERE what IS NOT NULL));
  ALTER TABLE shown ENABLE ROW LEVEL SECURITY;
  CREATE SEQUENCE app.numbers;
  CREATE TABLE "Hos""tile; DROP TABLE orders"."Some ""Table" (" co,l)" int, "SSN" text);
  CREATE FUNCTION app.total() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM public.orders';
  CREATE FUNCTION app.guarded() RETURNS int LANGUAGE sql SECURITY DEFINER STABLE AS 'SELECT count(*)::int FROM public.salaries';
  REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA app FROM PUBLIC;
  INSERT INTO customers (name, ssn) VALUES ('Ann', '1'), ('Bob', '2');
  INSERT INTO orders (customer_id, note) VALUES (1, 'x');
  INSERT INTO items VALUES (1, 1);
  INSERT INTO log (what) VALUES ('y');
  INSERT INTO parts VALUES (1, 1);
  RESET ROLE;`;

let number = 0;
const holder = { session: "ses_01", subject: "ana" };
function activation() {
  number++;
  return { name: `gh_0k3y2b9z_${number}`, holder, ttl: 60_000, sessions: 1 };
}

/** A database of its own, a provisioner by these policies, and what a user of the level may do in it. */
async function world(t: Test, name: string, ...texts: readonly string[]) {
  const owner = await database(t, server, name, SCHEMA);
  const clock = createFakeClock(Date.now());
  const made = provisioning(t, server, policiesOf(...texts), { database: name, clock });
  const login = async (level: string) => {
    const user = await made.provisioner.mint({ target: made.target, level: levelBy(level) }, activation());
    return clientOf(t, server, user, name);
  };
  return { ...made, owner, clock, login };
}

async function passes(t: Test, client: pg.Client, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) await t.resolves(undone(client, text), text);
}

/** Refused by the database itself. */
async function fails(t: Test, client: pg.Client, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) await t.rejects(undone(client, text), { code: "42501" }, text);
}

async function undone(client: pg.Client, text: string): Promise<void> {
  await client.query("BEGIN");
  try {
    await client.query(text);
  } finally {
    await client.query("ROLLBACK");
  }
}

const READS = 'rules:\n  - allow: reads\n    when: sql.access == "read"';

t.test("who may read is granted nothing that changes anything, and not what is blocked", async (t) => {
  const block = `  - block: salaries\n    when: '"public.salaries" in sql.reads'`;
  const { login } = await world(t, "reads", `${READS}\n${block}`);
  const client = await login("reader");
  await passes(
    t,
    client,
    "SELECT * FROM customers",
    "SELECT orders.ctid, orders.xmin, * FROM orders JOIN items ON order_id = id",
    "SELECT * FROM parts",
    "SELECT * FROM names",
    "SELECT * FROM callers",
    "SELECT * FROM shown",
    "SELECT last_value FROM customers_id_seq",
    `SELECT "SSN" FROM "Hos""tile; DROP TABLE orders"."Some ""Table"`,
    "COPY customers TO STDOUT",
  );
  await fails(
    t,
    client,
    "SELECT * FROM salaries",
    "SELECT * FROM payroll",
    "INSERT INTO log (what) VALUES ('x')",
    "UPDATE orders SET note = ''",
    "SELECT * FROM orders FOR UPDATE",
    "DELETE FROM orders",
    "TRUNCATE log",
    "SELECT nextval('customers_id_seq')",
    "SELECT app.total()",
    "CREATE TABLE public.mine ()",
  );
});

t.test("each kind of change is granted by itself", async (t) => {
  const rules = (verbs: string) =>
    `${READS}\n  - allow: changes\n    when: sql.access == "write" && sql.verbs.all(v, v in ${verbs}) && !("ROW SHARE" in sql.locks)`;
  const { login, held, clock } = await world(t, "kinds", rules('["SELECT", "INSERT"]'));
  const adds = await login("writer");
  const add = "INSERT INTO customers (name) VALUES ('Eve')";
  const set = "UPDATE names SET name = 'Eve' WHERE id = 1";
  const remove = "DELETE FROM orders WHERE id = 1";
  await passes(t, adds, add, "INSERT INTO orders (note) VALUES ('z')", "INSERT INTO parts VALUES (2, 2)");
  await passes(t, adds, "INSERT INTO names (name) VALUES ('Eve')", "SELECT nextval('app.numbers')");
  await fails(t, adds, set, remove, "TRUNCATE log", "SELECT * FROM orders FOR UPDATE", "LOCK TABLE orders");
  held.policies = policiesOf(rules('["SELECT", "UPDATE", "DELETE"]'));
  clock.advance(60_000);
  const changes = await login("writer");
  await passes(t, changes, set, remove);
  await fails(t, changes, add, "INSERT INTO names (name) VALUES ('Eve')", "TRUNCATE log");
});

t.test("rows are locked by who may lock them and change nothing", async (t) => {
  const rules = `${READS}\n  - allow: adds\n    when: sql.access == "write" && sql.verbs.all(v, v in ["SELECT", "INSERT"])`;
  const client = await (await world(t, "locks", rules)).login("writer");
  await passes(t, client, "SELECT * FROM orders FOR UPDATE", "SELECT * FROM customers FOR SHARE");
  await fails(
    t,
    client,
    "UPDATE orders SET note = ''",
    "UPDATE customers SET name = ''",
    "DELETE FROM orders",
  );
});

t.test("where the policies speak of columns, columns are granted", async (t) => {
  const rules = `rules:
  - allow: all but what is personal
    when: sql.access in ["read", "write"] && sql.columns.all(c, !c.endsWith(".ssn") && !c.endsWith(".SSN"))`;
  const client = await (await world(t, "columns", rules)).login("writer");
  await passes(
    t,
    client,
    "SELECT id, name FROM customers",
    "SELECT count(*) FROM customers",
    "UPDATE customers SET name = 'x' WHERE id = 1",
    "INSERT INTO customers (name) VALUES ('y')",
    `SELECT " co,l)" FROM "Hos""tile; DROP TABLE orders"."Some ""Table"`,
  );
  await fails(
    t,
    client,
    "SELECT ssn FROM customers",
    "SELECT * FROM customers",
    "UPDATE customers SET ssn = ''",
    "INSERT INTO customers (name, ssn) VALUES ('y', '')",
    `SELECT "SSN" FROM "Hos""tile; DROP TABLE orders"."Some ""Table"`,
  );
});

t.test("what only one table's rule allows is granted on that table alone, for each level", async (t) => {
  const only = (level: string, table: string) => `policy: ${level}
who: { groups: [crew] }
targets: [orders]
levels: [${level}]
rules:
  - allow: it
    when: sql.access == "read" && sql.reads.all(r, r in ["public.${table}", "pg_catalog.pg_class"])`;
  const { login, owner } = await world(t, "levels", only("reader", "orders"), only("writer", "customers"));
  const [reader, writer] = [await login("reader"), await login("writer")];
  await passes(t, reader, "SELECT * FROM orders");
  await fails(
    t,
    reader,
    "SELECT * FROM customers",
    "SELECT * FROM names",
    "SELECT * FROM items",
    "SELECT * FROM callers",
  );
  await passes(t, writer, "SELECT * FROM customers");
  await fails(t, writer, "SELECT * FROM orders", "SELECT * FROM names");
  const roles =
    "SELECT count(*)::int FROM pg_roles WHERE rolname ~ '^gatehouse_[0-9a-f]{12}$' AND NOT rolcanlogin";
  const before = await value(owner, roles);
  await login("reader");
  t.equal(await value(owner, roles), before, "the next user of the level has the same role");
});

t.test(
  "a function with its caller's rights brings what it may need; one with its owner's does not",
  async (t) => {
    const { login, held, clock } = await world(
      t,
      "functions",
      `functions: { reads: [app.guarded] }\nrules:
  - allow: functions
    when: sql.access == "read" && sql.reads.size() == 0`,
    );
    const guarded = await login("reader");
    await passes(t, guarded, "SELECT app.guarded()");
    await fails(t, guarded, "SELECT app.total()", "SELECT * FROM orders");
    held.policies = policiesOf(`functions: { reads: [app.*] }\nrules:
  - allow: functions
    when: sql.access == "read" && sql.reads.size() == 0`);
    clock.advance(60_000);
    const total = await login("reader");
    await passes(t, total, "SELECT app.total()", "SELECT app.guarded()");
    await fails(t, total, "DELETE FROM orders");
  },
);

t.test("a rule that allows one unknown function does not allow all that is unknown", async (t) => {
  const rule = (when: string) => `rules:\n  - allow: it\n    when: ${JSON.stringify(when)}`;
  const named = "sql.access == 'unknown' && sql.verbs == ['SELECT'] && sql.functions == ['app.guarded']";
  const { login, held, clock } = await world(t, "unknown", rule(named));
  const client = await login("reader");
  await passes(t, client, "SELECT app.guarded()");
  await fails(t, client, "SELECT app.total()", "DELETE FROM orders", "INSERT INTO log (what) VALUES ('x')");
  held.policies = policiesOf(rule("sql.access == 'unknown'"));
  clock.advance(60_000);
  await passes(t, await login("reader"), "SELECT app.total()", "DO 'BEGIN DELETE FROM orders; END'");
});

t.test(
  "a new table is there for the next log-in, and one that is made anew under its old name",
  async (t) => {
    const { login, owner, clock } = await world(t, "changes", READS);
    await login("reader");
    await owner.query(
      "SET ROLE owner; CREATE TABLE fresh (id int); DROP TABLE log CASCADE; CREATE TABLE log (); RESET ROLE",
    );
    clock.advance(10_000);
    await passes(t, await login("reader"), "SELECT * FROM fresh", "SELECT * FROM log");
  },
);

t.test("each has what the policies for it could allow, at the same level", async (t) => {
  const { provisioner, target } = await world(
    t,
    "each",
    `policy: agents\nwho: { groups: [agents] }\ntargets: [orders]\n${READS}`,
    `policy: people\nwho: { groups: [dba] }\ntargets: [orders]\nrules:\n  - allow: all\n    when: sql.access in ["read", "write"]`,
    "policy: all\nwho: { everyone: true }\ntargets: [orders]\nrules:\n  - block: salaries\n    when: '\"public.salaries\" in sql.reads'",
  );
  const way = { target, level: levelBy("reader") };
  const as = async (...groups: string[]) => {
    const { name, holder, ...activated } = activation();
    const ready = await provisioner.prepare(way, `${name}_r`);
    const identity = { ...sampleSession.identity, groups };
    const user = await provisioner.activate(way, ready, {
      ...activated,
      name,
      holder: { ...holder, identity },
    });
    return clientOf(t, server, user, "each");
  };
  const agent = await as("agents");
  await passes(t, agent, "SELECT * FROM orders");
  await fails(t, agent, "DELETE FROM items", "SELECT * FROM salaries");
  const dba = await as("dba", "sre");
  await passes(t, dba, "DELETE FROM items");
  await fails(t, dba, "SELECT * FROM salaries");
  await fails(t, await as("strangers"), "SELECT * FROM orders");
});

t.test("a user that was made ready by other policies follows those of its log-in", async (t) => {
  const { provisioner, target, held, owner } = await world(t, "ready", READS);
  const way = { target, level: levelBy("reader") };
  const ready = await provisioner.prepare(way, "gh_0k3y2b9z_ready_a");
  held.policies = policiesOf(
    `rules:\n  - allow: one\n    when: sql.reads == ["public.items"] && sql.access == "read"`,
  );
  const user = await provisioner.activate(way, ready, activation());
  const client = await clientOf(t, server, user, "ready");
  await passes(t, client, "SELECT * FROM items");
  await fails(t, client, "SELECT * FROM orders");
  t.equal(
    await value(owner, "SELECT count(*)::int FROM pg_auth_members WHERE member = $1::regrole", [user.name]),
    2,
  );
});

t.test(
  "what the administrator may not grant is named, with the command that helps, and left out",
  async (t) => {
    const { provisioner, target, owner, login, log } = await world(t, "withheld", READS);
    await owner.query("CREATE TABLE foreigners (id int); ALTER TABLE foreigners OWNER TO other");
    const way = { target, level: levelBy("reader") };
    const problems = await provisioner.check(way);
    t.match(problems, [
      {
        message: /could allow SELECT on the table public\.foreigners at the level "reader"/,
        hint: 'GRANT "other" TO "gatehouse_admin" WITH INHERIT TRUE, SET FALSE;',
      },
    ]);
    t.equal(problems.length, 1);
    const client = await login("reader");
    await passes(t, client, "SELECT * FROM orders");
    await fails(t, client, "SELECT * FROM foreigners");
    t.match(JSON.stringify(log), /may not grant/);
  },
);

t.test("a policy that could allow ddl is named: nobody can be granted that", async (t) => {
  const { provisioner, target } = await world(t, "ddl", "rules:\n  - allow: all");
  t.match(await provisioner.check({ target, level: levelBy("writer") }), [
    { message: /"ddl"/, hint: /memberOf/ },
  ]);
});

t.test("a role that nobody uses any more goes, and one that is in use stays", async (t) => {
  const { provisioner, target, held, owner, login } = await world(t, "tidy", READS);
  const roles =
    "SELECT count(*)::int FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid JOIN pg_database d ON d.oid = s.dbid WHERE rolname ~ '^gatehouse_[0-9a-f]{12}' AND datname = 'tidy'";
  const distinct = roles.replace("count(*)", "count(DISTINCT r.oid)");
  const first = await login("reader");
  held.policies = policiesOf(
    "rules:\n  - allow: items\n    when: sql.reads == ['public.items'] && sql.access == 'read'",
  );
  const second = await provisioner.mint({ target, level: levelBy("reader") }, activation());
  t.equal(await value(owner, distinct), 2);
  await provisioner.tidy(target);
  await provisioner.tidy(target);
  t.equal(await value(owner, distinct), 2, "both have a user");
  await passes(t, first, "SELECT * FROM orders");
  const name = await value(first, "SELECT session_user::text");
  await first.end();
  await provisioner.remove(target, [String(name)]);
  await provisioner.tidy(target);
  await provisioner.tidy(target);
  t.equal(await value(owner, distinct), 1);
  await provisioner.remove(target, [second.name]);
  await provisioner.tidy(target);
  await provisioner.tidy(target);
  t.equal(await value(owner, distinct), 1, "the level's own is kept for the next");
});

t.test("a role that another gateway has removed is made anew", async (t) => {
  const { provisioner, target, login } = await world(t, "removed", READS);
  const other = provisioning(t, server, policiesOf("rules:\n  - block: all"), {
    database: "removed",
    epoch: "0k3y2b9y",
  });
  const first = await login("reader");
  const name = await value(first, "SELECT session_user::text");
  await first.end();
  await provisioner.remove(target, [String(name)]);
  await other.provisioner.tidy(other.target);
  await passes(t, await login("reader"), "SELECT * FROM orders");
});

t.test("gateways that make the same role at the same moment all have it", async (t) => {
  await world(t, "together", READS);
  const users = await Promise.all(
    ["a", "b", "c", "d"].map(async (letter) => {
      const { provisioner, target } = provisioning(t, server, policiesOf(READS), {
        database: "together",
        epoch: `0k3y2b9${letter}`,
      });
      const way = { target, level: levelBy("reader") };
      return provisioner.mint(way, { ...activation(), name: `gh_0k3y2b9${letter}_1` });
    }),
  );
  for (const user of users)
    await passes(t, await clientOf(t, server, user, "together"), "SELECT * FROM orders");
});

t.test("a role of that name that is somebody else's is not touched", async (t) => {
  const { login, owner, provisioner, target, held, clock } = await world(t, "clash", READS);
  const client = await login("reader");
  const name = String(
    await value(
      owner,
      "SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE m.member = $1::regrole AND r.rolname ~ '^gatehouse_[0-9a-f]{12}$'",
      [await value(client, "SELECT session_user::text")],
    ),
  );
  const quoted = pg.escapeIdentifier(name);
  await owner.query(`REVOKE gatehouse_minted FROM ${quoted} GRANTED BY gatehouse_admin`);
  held.policies = policiesOf(READS.replace("reads", "other title"));
  clock.advance(60_000);
  await t.rejects(provisioner.mint({ target, level: levelBy("reader") }, activation()), {
    code: "MINT_UNPREPARED",
  });
});
