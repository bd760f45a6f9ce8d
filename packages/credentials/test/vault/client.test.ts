import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { createAuthority } from "@gatehouse/certs";
import { GatehouseError, Secret, type SecretReference, type VaultSettings } from "@gatehouse/core";
import { startVaultServer, type VaultServerOptions } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { createSecrets } from "../../src/index.ts";

const authority = await createAuthority({ name: "Test CA", now: Date.now() });
const pair = await authority.issue({
  use: "server",
  commonName: "vault",
  names: ["127.0.0.1"],
  now: Date.now(),
});

async function site(t: Test, options: Partial<VaultServerOptions> = {}) {
  const tls = { cert: pair.certificatePem, key: pair.key.reveal() };
  const server = await startVaultServer({ tls, ...options });
  t.teardown(() => server.stop());
  const folder = t.testdir();
  const files = { ca: join(folder, "ca.crt"), token: join(folder, "token") };
  writeFileSync(files.ca, authority.certificatePem);
  writeFileSync(files.token, `${server.token}\n`);
  const settings: VaultSettings = {
    address: server.address,
    ca: files.ca,
    token: { from: "file", path: files.token },
  };
  const secrets = (changed: Partial<VaultSettings> = {}) =>
    createSecrets({ vault: () => ({ ...settings, ...changed }), deadline: 1000 });
  return { server, files, secrets };
}

function at(path: string, field: string): SecretReference {
  return { from: "vault", path: `secret/data/${path}`, field };
}

/** What is thrown: it never shows token or secret, however deep somebody looks. */
async function refusal(t: Test, promise: Promise<unknown>, ...secret: string[]): Promise<GatehouseError> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof GatehouseError)) throw new Error("expected a GatehouseError");
  const shown = inspect(thrown, { showHidden: true, getters: true, depth: 20 }) + JSON.stringify(thrown);
  for (const text of ["hunter2", ...secret]) t.notOk(shown.includes(text), text);
  return thrown;
}

t.test("a reference leads to one field of the latest version of a secret", async (t) => {
  const { server, secrets } = await site(t);
  server.put("orders", { user: "orders_reader", password: "first" });
  t.equal((await secrets().resolve(at("orders", "password"))).reveal(), "first");
  server.put("orders", { user: "orders_reader", password: "second" });
  t.equal((await secrets().resolve(at("orders", "password"))).reveal(), "second");
  t.equal((await secrets().resolve(at("orders", "user"))).reveal(), "orders_reader");
  t.match(server.requests[0], { method: "GET", path: "/v1/secret/data/orders" });
});

t.test("the token is that of this moment, and the authorities are", async (t) => {
  const { server, files, secrets } = await site(t);
  const secret = secrets();
  server.put("orders", { password: "hunter2" });
  t.equal((await secret.resolve(at("orders", "password"))).reveal(), "hunter2");
  server.token = "hvs.another";
  t.match(await refusal(t, secret.resolve(at("orders", "password"))), { message: /status 403/ });
  writeFileSync(files.token, "hvs.another");
  t.equal((await secret.resolve(at("orders", "password"))).reveal(), "hunter2");
  const other = await createAuthority({ name: "Other CA", now: Date.now() });
  writeFileSync(files.ca, other.certificatePem);
  t.match(await refusal(t, secret.resolve(at("orders", "password")), server.token), {
    code: "VAULT_FAILED",
    message: /did not answer to GET secret\/data\/orders: UNABLE_TO_VERIFY_LEAF_SIGNATURE/,
  });
});

t.test("the token is asked for by env, file, exec and literal, and never of the engine itself", async (t) => {
  const { server, files, secrets } = await site(t);
  server.put("orders", { password: "hunter2" });
  process.env["GATEHOUSE_TEST_TOKEN"] = server.token;
  t.teardown(() => delete process.env["GATEHOUSE_TEST_TOKEN"]);
  for (const token of [
    { from: "env", name: "GATEHOUSE_TEST_TOKEN" },
    { from: "exec", command: ["/bin/cat", files.token] },
    { from: "literal", secret: new Secret(server.token) },
  ] as const) {
    t.equal((await secrets({ token }).resolve(at("orders", "password"))).reveal(), "hunter2");
  }
  t.match(await refusal(t, secrets({ token: at("token", "token") }).resolve(at("orders", "password"))), {
    code: "SECRET_UNAVAILABLE",
  });
  t.match(
    await refusal(
      t,
      secrets({ token: { from: "env", name: "GATEHOUSE_TEST_NONE" } }).resolve(at("orders", "password")),
    ),
    { code: "SECRET_UNAVAILABLE", message: /GATEHOUSE_TEST_NONE is not set/ },
  );
});

t.test("a namespace is asked for by its header", async (t) => {
  const { server, secrets } = await site(t, { namespace: "platform/data" });
  server.put("orders", { password: "hunter2" });
  const own = secrets({ namespace: "platform/data" });
  t.equal((await own.resolve(at("orders", "password"))).reveal(), "hunter2");
  t.match(await refusal(t, secrets().resolve(at("orders", "password"))), { message: /status 404/ });
});

t.test("what is not there, was deleted, or is no text is no secret", async (t) => {
  const { server, secrets } = await site(t);
  server.put("orders", { password: "", port: 5432, nested: { password: "hunter2" } });
  server.put("gone", { password: "hunter2" });
  server.delete("gone");
  for (const [path, field, message] of [
    ["nothing", "password", /status 404 to GET secret\/data\/nothing/],
    ["gone", "password", /status 404/],
    ["orders", "passwort", /no text in the field passwort of secret\/data\/orders/],
    ["orders", "password", /no text in the field/],
    ["orders", "port", /no text in the field/],
    ["orders", "nested", /no text in the field/],
    ["orders", "constructor", /no text in the field/],
    ["orders", "__proto__", /no text in the field/],
  ] as const) {
    t.match(await refusal(t, secrets().resolve(at(path, field))), { code: "VAULT_FAILED", message }, field);
  }
});

t.test("a path stays a path: nothing in it reaches another place of the engine", async (t) => {
  const { server, secrets } = await site(t);
  await refusal(t, secrets().vault.read("secret/data/a b?list=true#x/%2e%2e/y", "z"));
  t.match(server.requests, [{ path: "/v1/secret/data/a b?list=true#x/%2e%2e/y" }]);
});

t.test("each way of not answering is told, with what to do, and in time", async (t) => {
  const { server, secrets } = await site(t);
  server.put("orders", { password: "hunter2" });
  const says = ["hunter2", server.token];
  for (const [fault, message, hint] of [
    [{ status: 503, errors: ["Vault is sealed"] }, /status 503/, /sealed/],
    [{ status: 403, errors: says }, /status 403/, /token has ended, or the engine's policies/],
    [{ status: 500, errors: says }, /status 500/, /own log/],
    [{ status: 429 }, /status 429/, /standby/],
    [{ status: 307 }, /status 307/, /vault\.address/],
    ["garbage", /did not answer with JSON/, /unsealed/],
    ["endless", /its answer is larger than 512 KiB/, /unsealed/],
    ["silent", /its time was up/, /unsealed/],
  ] as const) {
    server.fault(fault);
    const error = await refusal(t, secrets().resolve(at("orders", "password")), ...says);
    t.match(error, { code: "VAULT_FAILED", message, hint });
  }
  server.fault(undefined);
  await server.stop();
  t.match(await refusal(t, secrets().resolve(at("orders", "password")), ...says), {
    message: /ECONNREFUSED/,
  });
  t.match(await refusal(t, secrets({ ca: "/nowhere/ca.crt" }).resolve(at("orders", "password")), ...says), {
    message: /its CA file \/nowhere\/ca\.crt can't be read \(ENOENT\)/,
  });
  await server.start();
});

t.test("a credential is issued, renewed and taken back", async (t) => {
  const { server, secrets } = await site(t, { roles: { reader: { lasts: 3600 } } });
  const { vault } = secrets();
  const issued = await vault.issue("database/creds/reader");
  const [lease] = server.leases;
  t.match(issued, { lease: lease?.id, user: lease?.user, lasts: 3_600_000 });
  t.equal(issued.password.reveal(), lease?.password);
  t.equal(await vault.renew(issued.lease), 3_600_000);
  t.equal(server.leases[0]?.renewals, 1);
  await vault.revoke(issued.lease);
  t.same(server.leases, []);
  t.match(server.requests.at(-1)?.body, { lease_id: issued.lease, sync: true });
});

t.test(
  "a lease that the engine does not know has ended: neither renewing nor revoking it fails",
  async (t) => {
    const { server, secrets } = await site(t, { roles: { reader: { lasts: 3600 } } });
    const { vault } = secrets();
    const { lease } = await vault.issue("database/creds/reader");
    server.expire(lease);
    t.equal(await vault.renew(lease), 0);
    await vault.revoke(lease);
    server.fault({ status: 400, errors: ["invalid lease"] });
    await vault.revoke(lease);
    server.fault({ status: 400, errors: ["failed to revoke entry"] });
    t.match(await refusal(t, vault.revoke(lease)), { message: /status 400 to PUT sys\/leases\/revoke/ });
  },
);

t.test("what was issued without user and password does not stay", async (t) => {
  const { server, secrets } = await site(t, { roles: { reader: { lasts: 3600 } } });
  // KV 1 and 2 answer to any path that looks so.
  server.put("creds", { username: "someone" });
  t.match(await refusal(t, secrets().vault.issue("secret/data/creds")), {
    message: /issued no user and password by secret\/data\/creds/,
  });
  t.match(await refusal(t, secrets().vault.issue("database/creds/writer")), { message: /status 400/ });
});

t.test("what is left of the token is told, and it is renewed", async (t) => {
  const { server, secrets } = await site(t);
  t.same(await secrets().vault.lookUpToken(), { lasts: Number.POSITIVE_INFINITY, renewable: false });
  server.tokenLasts = 600;
  t.same(await secrets().vault.lookUpToken(), { lasts: 600_000, renewable: true });
  await secrets().vault.renewToken();
});

t.test("the token's file is not left in anything that is printed", async (t) => {
  const { server, files, secrets } = await site(t);
  const made = secrets();
  await made.vault.lookUpToken();
  const shown = inspect(made, { showHidden: true, getters: true, depth: 20 });
  t.notOk(shown.includes(server.token));
  t.equal(readFileSync(files.token, "utf8").trim(), server.token);
});
