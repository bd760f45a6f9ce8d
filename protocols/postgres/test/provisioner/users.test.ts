import { startPostgres } from "@gatehouse/testkit";
import t from "tap";
import { superuser } from "../support/database.ts";
import { ADMINISTRATOR, clientOf, minting, value, wayTo } from "./support/minting.ts";

const server = await startPostgres();
t.teardown(() => server.stop());
const root = await superuser(t, server);
await root.query(ADMINISTRATOR);
const version = Number(await value(root, "SHOW server_version_num"));
await root.query("GRANT orders_read, orders_write TO gatehouse_admin WITH ADMIN OPTION");
const { provisioner, target } = minting(t, server);
const reader = wayTo(target, {
  memberOf: ["orders_read"],
  settings: {
    statement_timeout: "5s",
    search_path: ["public", 'a "b", c'],
    default_transaction_read_only: true,
  },
});
const holder = { session: "ses_01ABC", subject: "ana@example.com" };
const name = (id: string) => `gh_0k3y2b9z_${id}`;
const activation = (id: string) => ({ name: name(id), holder, ttl: 60_000, sessions: 1 });

t.test("a user that is made ready can't log in, and can when a session takes it", async (t) => {
  const ready = await provisioner.prepare(reader, name("ready_aaaaaaaa"));
  await t.rejects(clientOf(t, server, ready), /not permitted to log in/);
  const user = await provisioner.activate(reader, ready, activation("one"));
  t.equal(user.name, name("one"));
  const client = await clientOf(t, server, user);
  t.equal(await value(client, "SELECT session_user"), user.name);
  t.equal(await value(client, "SELECT note FROM orders"), "one");
  t.equal(await value(client, "SHOW statement_timeout"), "5s");
  t.equal(await value(client, "SHOW search_path"), 'public, "a ""b"", c"');
  if (version >= 160_000) {
    await t.rejects(client.query("SET ROLE orders_read"), { code: "42501" });
    await t.rejects(client.query("SET ROLE gatehouse_minted"), { code: "42501" });
  }
  await t.rejects(clientOf(t, server, user), { code: "53300" }, "one connection for one session");
  t.equal(
    await value(root, "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = $1", [
      user.name,
    ]),
    "gatehouse: session ses_01ABC, ana@example.com",
  );
  t.same(await provisioner.remove(target, [user.name]), [{ name: user.name, outcome: "removed", owned: [] }]);
  t.equal(await value(root, "SELECT count(*)::int FROM pg_roles WHERE rolname ~ '^gh_'"), 0);
});

t.test("a user that is minted at once is the same", async (t) => {
  const user = await provisioner.mint(reader, activation("two"));
  const client = await clientOf(t, server, user);
  t.equal(await value(client, "SELECT note FROM orders"), "one");
  await client.end();
  t.same(await provisioner.remove(target, [user.name]), [{ name: user.name, outcome: "removed", owned: [] }]);
});

t.test(
  "what was done before a crash can be done again, and a name that is taken is left alone",
  async (t) => {
    await provisioner.prepare(reader, name("ready_bbbbbbbb"));
    await t.rejects(provisioner.prepare(reader, name("ready_bbbbbbbb")), { code: "MINT_FAILED" });
    const user = await provisioner.mint(reader, activation("three"));
    await t.rejects(provisioner.mint(reader, activation("three")), {
      code: "MINT_FAILED",
      message: /already/,
    });
    t.equal(
      await value(await clientOf(t, server, user), "SELECT 1"),
      1,
      "the first one's password is the same",
    );
    await root.query(`CREATE ROLE ${name("theirs")} NOLOGIN CONNECTION LIMIT 7`);
    const ready = { ...user, name: name("ready_bbbbbbbb") };
    await t.rejects(provisioner.activate(reader, ready, activation("theirs")), {
      code: "MINT_FAILED",
      message: /already/,
    });
    await t.rejects(provisioner.activate(reader, { ...user, name: name("gone") }, activation("four")), {
      code: "MINT_FAILED",
    });
    const { rows } = await root.query("SELECT rolcanlogin, rolconnlimit FROM pg_roles WHERE rolname = $1", [
      name("theirs"),
    ]);
    t.same(rows, [{ rolcanlogin: false, rolconnlimit: 7 }]);
    await provisioner.remove(target, [user.name, ready.name, name("theirs")]);
    t.equal(
      await value(root, "SELECT count(*)::int FROM pg_roles WHERE rolname ~ '^gh_'"),
      1,
      "what is not marked stays",
    );
    await root.query(`DROP ROLE ${name("theirs")}`);
  },
);

t.test("its log-in has an end by the server's clock, which is moved by renewing", async (t) => {
  const until = (user: string) =>
    value(root, "SELECT extract(epoch FROM rolvaliduntil - now())::float8 FROM pg_roles WHERE rolname = $1", [
      user,
    ]);
  const users = await Promise.all(["five", "six"].map((id) => provisioner.mint(reader, activation(id))));
  const names = users.map((user) => user.name);
  const first = Number(await until(name("five")));
  t.ok(first > 50 && first <= 61, `it can log in for ${first} seconds`);
  await provisioner.renew(target, [...names, name("gone")], 3_600_000);
  for (const user of names) t.ok(Number(await until(user)) > 3_500);
  await provisioner.remove(target, names);
});

t.test("one that is being taken back, or holds its own row, is not renewed; the others are", async (t) => {
  const users = await Promise.all(["seven", "eight"].map((id) => provisioner.mint(reader, activation(id))));
  const [holding, other] = users;
  if (!holding || !other) throw new TypeError("Two users were made.");
  const client = await clientOf(t, server, holding);
  await client.query("BEGIN; SET TRANSACTION READ WRITE");
  await client.query(`ALTER ROLE ${holding.name} PASSWORD 'another'`);
  const ends = `SELECT string_agg((rolvaliduntil > now() + '30 min')::text, ',' ORDER BY rolname) FROM pg_roles WHERE rolname ~ '^gh_'`;
  await provisioner.renew(
    target,
    users.map((user) => user.name),
    3_600_000,
  );
  t.equal(await value(root, ends), "true,false");
  await root.query(`ALTER ROLE ${other.name} NOLOGIN VALID UNTIL 'now'`);
  await provisioner.renew(target, [other.name], 3_600_000);
  t.equal(await value(root, ends), "false,false");
  await provisioner.remove(
    target,
    users.map((user) => user.name),
  );
});

t.test("the server never sees a password", async (t) => {
  await root.query("ALTER SYSTEM SET log_statement = 'all'; ");
  await root.query("SELECT pg_reload_conf()");
  t.teardown(() =>
    root.query("ALTER SYSTEM RESET log_statement").then(() => root.query("SELECT pg_reload_conf()")),
  );
  const user = await provisioner.mint(reader, activation("nine"));
  await (await clientOf(t, server, user)).end();
  t.match(
    await value(root, "SELECT rolpassword FROM pg_authid WHERE rolname = $1", [user.name]),
    /^SCRAM-SHA-256\$1:/,
  );
  t.notOk(server.log().includes(user.password.reveal()));
  await provisioner.remove(target, [user.name]);
});

t.test("a subject is written so that it is text and nothing else", async (t) => {
  const subject = `o'hara\\ $$; DROP TABLE orders; --\n\u202e\u0000\ud800${"x".repeat(1_000)}`;
  const user = await provisioner.mint(reader, {
    ...activation("ten"),
    holder: { session: "ses_1", subject },
  });
  const comment = await value(
    root,
    "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = $1",
    [user.name],
  );
  t.match(
    comment,
    /^gatehouse: session ses_1, o'hara\\ \$\$; DROP TABLE orders; --\ufffd\ufffd\ufffd\ufffdx+$/,
  );
  t.equal(String(comment).length, "gatehouse: session ses_1, ".length + 256);
  await provisioner.remove(target, [user.name]);
});

t.test("a survey shows the marked ones of this administrator, and which gateways are there", async (t) => {
  const other = minting(t, server, { epoch: "00000000" });
  const user = await provisioner.mint(reader, activation("eleven"));
  await provisioner.prepare(reader, name("ready_cccccccc"));
  await clientOf(t, server, user);
  await root.query(`SET application_name TO 'gatehouse zzzzzzzz'; CREATE ROLE gh_0k3y2b9z_strange; CREATE ROLE gh_0k3y2b9z_anothers;
    GRANT gatehouse_minted TO gh_0k3y2b9z_anothers`);
  const { users, present } = await other.provisioner.survey(target);
  t.same(users, [
    { name: user.name, canLogIn: true, connections: 1 },
    { name: name("ready_cccccccc"), canLogIn: false, connections: 0 },
  ]);
  t.same([...present].sort(), ["00000000", "0k3y2b9z"]);
  provisioner.leave(target);
  const gone = `SELECT count(*)::int FROM pg_stat_activity WHERE application_name = 'gatehouse 0k3y2b9z'`;
  while ((await value(root, gone)) !== 0) await root.query("SELECT pg_sleep(0.02)");
  t.same([...(await other.provisioner.survey(target)).present], ["00000000"]);
  await root.query("RESET application_name; DROP ROLE gh_0k3y2b9z_strange, gh_0k3y2b9z_anothers");
  await provisioner.remove(
    target,
    users.map((one) => one.name),
  );
});
