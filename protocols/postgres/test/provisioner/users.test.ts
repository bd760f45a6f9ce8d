import { startPostgres } from "@gatehouse/testkit";
import t from "tap";
import { superuser } from "../support/database.ts";
import { ADMINISTRATOR, clientOf, minting, value, wayTo } from "./support/minting.ts";

const server = await startPostgres();
t.teardown(() => server.stop());
const root = await superuser(t, server);
await root.query(ADMINISTRATOR);
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
  await t.rejects(client.query("SET ROLE orders_read"), { code: "42501" });
  await t.rejects(client.query("SET ROLE gatehouse_minted"), { code: "42501" });
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
