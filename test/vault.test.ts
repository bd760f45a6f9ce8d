import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createAuthority } from "@gatehouse/certs";
import { Gateway } from "@gatehouse/gateway";
import { createMemoryLog, startVaultServer } from "@gatehouse/testkit";
import pg from "pg";
import t, { type Test } from "tap";
import { admin, auditLines, connected, demoFor, eventually, refusedLogin, variantOf } from "./environment.ts";

const demo = await demoFor(t);
const superuser = await admin(t, demo);

/** The demo with a secrets engine that makes the users of its readers in the demo's own database. */
async function withEngine(t: Test, name: string, level: string) {
  const authority = await createAuthority({ name: "Vault CA", now: Date.now() });
  const pair = await authority.issue({
    ...{ use: "server", commonName: "vault", names: ["127.0.0.1"] },
    now: Date.now(),
  });
  const create = (user: string, password: string) =>
    superuser.query(
      `create role ${pg.escapeIdentifier(user)} login password ${pg.escapeLiteral(password)} in role orders_writer`,
    );
  const revoke = (user: string) => superuser.query(`drop role ${pg.escapeIdentifier(user)}`);
  const done = () => undefined;
  const server = await startVaultServer({
    tls: { cert: pair.certificatePem, key: pair.key.reveal() },
    roles: {
      "orders-reader": {
        lasts: 3600,
        create: (user, password) => create(user, password).then(done),
        revoke: (user) => revoke(user).then(done),
      },
    },
  });
  t.teardown(() => server.stop());
  await writeFile(join(demo.folder, "vault-ca.crt"), authority.certificatePem);
  await writeFile(join(demo.folder, "vault-token"), server.token, { mode: 0o600 });
  const vault = `{ address: "${server.address}", ca: file:vault-ca.crt, token: file:vault-token }`;
  const { configFile, state } = await variantOf(demo, name, { vault });
  const text = await readFile(configFile, "utf8");
  const replaced = text.replace(/^ {6}reader: .*$/m, `      reader: ${level}`);
  t.not(replaced, text);
  await writeFile(configFile, replaced);
  const log = createMemoryLog();
  const start = async () => {
    const gateway = await Gateway.start({ configFile, log });
    t.teardown(() => gateway.stop("test ended"));
    return { gateway, port: gateway.port("postgres") ?? 0 };
  };
  return { server, state, log, start };
}

const ISSUED = "{ credential: { vault: database/creds/orders-reader } }";

t.test("each session runs as the user that the engine has issued for it, gone when it ends", async (t) => {
  const { server, state, start } = await withEngine(t, "issued", ISSUED);
  const { port } = await start();
  const [one, two] = [await connected(t, demo, { port }), await connected(t, demo, { port })];
  const userOf = async (client: pg.Client) =>
    String((await client.query<{ u: string }>("select session_user as u")).rows[0]?.u);
  const [first, second] = [await userOf(one), await userOf(two)];
  t.same(
    server.leases.map(({ user }) => user),
    [first, second],
  );
  await one.end();
  await two.end();
  await eventually(() => server.leases.length === 0);
  const left = await superuser.query("select rolname from pg_roles where starts_with(rolname, 'v-token')");
  t.same(left.rows, []);
  await eventually(async () => (await auditLines(state)).some(({ type }) => type === "lease.revoked"));
  const events = await auditLines(state);
  t.match(
    events.filter(({ type }) => type === "session.opened"),
    [{ user: first }, { user: second }],
  );
});

t.test("a log-in is refused while the engine is sealed, and the client is not told why", async (t) => {
  const { server, log, start } = await withEngine(t, "sealed", ISSUED);
  const { port } = await start();
  server.fault({ status: 503, errors: ["Vault is sealed"] });
  const error = await refusedLogin(demo, { port });
  t.notMatch(
    `${error.message} ${error.hint ?? ""} ${error.detail ?? ""}`,
    /vault|sealed|503|database\/creds/i,
  );
  t.ok(log.entries.some(({ fields }) => /status 503/.test(JSON.stringify(fields))));
  server.fault(undefined);
  await (await connected(t, demo, { port })).end();
});

t.test("a password by a reference to the engine is that of this moment", async (t) => {
  const level = "{ credential: { user: rotated, password: 'vault:secret/data/orders#password' } }";
  const { server, start } = await withEngine(t, "referred", level);
  const { port } = await start();
  await superuser.query("create role rotated login in role orders_writer");
  t.teardown(() => superuser.query("drop role rotated"));
  for (const password of ["the first", "the second"]) {
    await superuser.query(`alter role rotated password ${pg.escapeLiteral(password)}`);
    server.put("orders", { password });
    const client = await connected(t, demo, { port });
    t.match((await client.query("select session_user as u")).rows, [{ u: "rotated" }]);
    await client.end();
  }
});
