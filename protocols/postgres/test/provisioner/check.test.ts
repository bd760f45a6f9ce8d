import { startPostgres } from "@gatehouse/testkit";
import t from "tap";
import { superuser } from "../support/database.ts";
import { ADMINISTRATOR, clientOf, minting, PASSWORD, value, wayTo } from "./support/minting.ts";

const server = await startPostgres();
t.teardown(() => server.stop());
const root = await superuser(t, server);
await root.query(ADMINISTRATOR);
const version = Number(await value(root, "SHOW server_version_num"));
const { provisioner, target } = minting(t, server);
const reader = wayTo(target, { memberOf: ["orders_read"] });
const activation = {
  name: "gh_0k3y2b9z_checked",
  holder: { session: "ses_1", subject: "ana" },
  ttl: 60_000,
  sessions: 1,
};
/** From 16 on, the right to make roles is no right to grant those that others have made. */
const APART = version >= 160_000;

if (APART) {
  t.test("what the administrator may not grant is named with the command that mends it", async (t) => {
    const problems = await provisioner.check(reader);
    t.same(problems, [
      {
        message: 'The administrator "gatehouse_admin" may not grant the role "orders_read".',
        hint: "GRANT orders_read TO gatehouse_admin WITH ADMIN OPTION;",
      },
    ]);
    await t.rejects(provisioner.mint(reader, activation), { code: "MINT_UNPREPARED", ...problems[0] });
    t.equal(
      await value(root, "SELECT count(*)::int FROM pg_roles WHERE rolname ~ '^gh_'"),
      0,
      "no half-made role",
    );
    await root.query(problems[0]?.hint ?? "");
  });
}

t.test("where all is well there is nothing to say, and the marker is there", async (t) => {
  t.same(await provisioner.check(reader), []);
  const { rows } = await root.query(
    "SELECT rolcanlogin, rolinherit FROM pg_roles WHERE rolname = 'gatehouse_minted'",
  );
  t.same(rows, [{ rolcanlogin: false, rolinherit: false }]);
});

t.test("a role that does not exist is named, with the one that was probably meant", async (t) => {
  const way = wayTo(target, { memberOf: ["orders_reed", 'no "such"'] });
  t.same(await provisioner.check(way), [
    {
      message: 'The target has no role "orders_reed"; did you mean "orders_read"?',
      hint: "CREATE ROLE orders_reed NOLOGIN;",
    },
    { message: 'The target has no role "no "such"".', hint: 'CREATE ROLE "no ""such""" NOLOGIN;' },
  ]);
  await t.rejects(provisioner.mint(way, activation), {
    code: "MINT_UNPREPARED",
    message: /no role "orders_reed"/,
  });
  t.equal(await value(root, "SELECT count(*)::int FROM pg_roles WHERE rolname ~ '^gh_'"), 0);
});

t.test("roles by which a session could get out of its user are refused", async (t) => {
  await root.query(`CREATE ROLE over CREATEROLE; CREATE ROLE under; GRANT over TO under; CREATE ROLE files;
    GRANT pg_read_server_files TO files; CREATE ROLE giver; GRANT orders_write TO giver WITH ADMIN OPTION; CREATE ROLE root SUPERUSER;
    GRANT under, files, giver TO gatehouse_admin WITH ADMIN OPTION`);
  const way = wayTo(target, {
    memberOf: ["under", "files", "giver", "gatehouse_minted", "gatehouse_admin", "root"],
  });
  const messages = (await provisioner.check(way)).map(({ message }) => message).join("\n");
  t.match(messages, '"under" is a member of "over", which has CREATEROLE');
  t.match(messages, '"files" is a member of "pg_read_server_files", which reaches the server\'s machine');
  t.match(messages, '"giver" may grant roles');
  t.match(messages, '"gatehouse_minted" is the marker');
  t.match(messages, /"gatehouse_admin" (has CREATEROLE|is the administrator)/);
  t.match(messages, '"root" is a superuser');
});

t.test("an administrator who may not make roles is told so, and nothing is made", async (t) => {
  await root.query(`CREATE ROLE weak LOGIN PASSWORD '${PASSWORD}'`);
  const weak = minting(t, server, { administrator: "weak" });
  const problems = await weak.provisioner.check(wayTo(weak.target, { memberOf: ["orders_read"] }));
  t.match(problems, [
    { message: 'The administrator "weak" may not make roles.', hint: "ALTER ROLE weak CREATEROLE;" },
    { message: 'The administrator "weak" may not grant the role "gatehouse_minted".' },
    { message: 'The administrator "weak" may not grant the role "orders_read".' },
  ]);
  await t.rejects(weak.provisioner.mint(reader, activation), {
    code: "MINT_UNPREPARED",
    message: problems[0]?.message,
  });
});

t.test("a superuser does, and is more than it takes", async (t) => {
  await root.query(`CREATE ROLE strong SUPERUSER LOGIN PASSWORD '${PASSWORD}'`);
  const strong = minting(t, server, { administrator: "strong" });
  t.match(await strong.provisioner.check(reader), [{ minor: true, message: /is a superuser/ }]);
  const user = await strong.provisioner.mint(reader, activation);
  const client = await clientOf(t, server, user);
  await client.query("CREATE TEMP TABLE mine ()");
  t.match((await strong.provisioner.survey(target)).users, [{ name: user.name, connections: 1 }]);
  t.match(await strong.provisioner.remove(target, [user.name]), [{ outcome: "removed" }]);
});

t.test("a database that the level's roles may not connect to is named", async (t) => {
  await root
    .query("CREATE DATABASE closed; REVOKE CONNECT ON DATABASE closed FROM PUBLIC")
    .catch(async () => {
      await root.query("CREATE DATABASE closed");
      await root.query("REVOKE CONNECT ON DATABASE closed FROM PUBLIC");
    });
  await root.query("GRANT CONNECT ON DATABASE closed TO gatehouse_admin");
  const closed = minting(t, server, { database: "closed" });
  t.match(await closed.provisioner.check(wayTo(closed.target, { memberOf: ["orders_read"] })), [
    { message: "None of the level's roles may connect to the database closed.", hint: /^GRANT CONNECT/ },
  ]);
});

t.test("who is to get what users leave behind is looked at as well", async (t) => {
  await root.query("CREATE ROLE heir");
  const handing = minting(t, server, { owned: { handOver: "heir" } });
  const way = wayTo(handing.target, { memberOf: ["orders_read"] });
  t.match(await handing.provisioner.check(way), [{ message: /can't hand over to "heir"/ }]);
  await root.query((await handing.provisioner.check(way))[0]?.hint ?? "");
  t.same(await handing.provisioner.check(way), []);
});

t.test("a target that takes no writes is told apart from one that is away", async (t) => {
  await root.query("ALTER SYSTEM SET default_transaction_read_only = on");
  await root.query("SELECT pg_reload_conf()");
  // A reload takes its time.
  for (
    let on = false;
    !on;
    on = (await value(await superuser(t, server), "SHOW transaction_read_only")) === "on"
  );
  const late = minting(t, server);
  const way = wayTo(late.target, { memberOf: ["orders_read"] });
  t.match(await late.provisioner.check(way), [
    { message: "The target is read-only: users can't be made there." },
  ]);
  await t.rejects(late.provisioner.mint(way, activation), { code: "MINT_UNPREPARED", message: /read-only/ });
  await root.query("ALTER SYSTEM RESET default_transaction_read_only");
  await root.query("SELECT pg_reload_conf()");
  const away = minting(t, { host: "127.0.0.1", port: 1 });
  await t.rejects(away.provisioner.check(wayTo(away.target, { memberOf: ["orders_read"] })), {
    code: "TARGET_UNREACHABLE",
  });
});
