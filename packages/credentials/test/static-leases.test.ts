import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { createAuthority, type PemPair } from "@gatehouse/certs";
import { Secret, type SecretReference, type TargetCredential } from "@gatehouse/core";
import t, { type Test } from "tap";
import { createSecrets, staticLeases } from "../src/index.ts";

const secrets = createSecrets({ vault: () => undefined });

function level(password: SecretReference): { credential: TargetCredential } {
  return { credential: { user: "orders_reader", password } };
}

/** A level that has a certificate and no password. */
function certified(files: { cert: string; key: string }): { credential: TargetCredential } {
  return { credential: { user: "orders_reader", certificate: files } };
}

const authority = await createAuthority({ name: "Test CA", now: Date.now() });

async function issue(commonName: string): Promise<PemPair> {
  return authority.issue({ use: "client", commonName, names: [], now: Date.now() });
}

function written(t: Test, cert: string, key: string) {
  const folder = t.testdir();
  const files = { cert: join(folder, "reader.crt"), key: join(folder, "reader.key") };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
  return files;
}

const literal = { from: "literal", secret: new Secret("hunter2") } as const;

t.test("a lease has the level's user and the password that its reference leads to", async (t) => {
  const lease = await staticLeases(secrets).acquire(level(literal));
  t.equal(lease.user, "orders_reader");
  t.equal(lease.password?.reveal(), "hunter2");
});

t.test("a released lease gives no password, however often it is released", async (t) => {
  const lease = await staticLeases(secrets).acquire(level(literal));
  await lease.release();
  await lease.release();
  t.throws(() => lease.password, { code: "SECRET_UNAVAILABLE" });
});

t.test("releasing a lease wipes what it has given out", async (t) => {
  const pair = await issue("orders_reader");
  const { certificate } = certified(written(t, pair.certificatePem, pair.key.reveal())).credential;
  const credential = { user: "orders_reader", password: literal, ...(certificate ? { certificate } : {}) };
  const lease = await staticLeases(secrets).acquire({ credential });
  const given = [lease.password, lease.certificate?.key];
  await lease.release();
  t.equal(given.length, 2);
  for (const secret of given) t.throws(() => secret?.reveal(), { code: "SECRET_UNAVAILABLE" });
});

t.test("releasing one session's lease leaves another's alone", async (t) => {
  const leases = staticLeases(secrets);
  const first = await leases.acquire(level(literal));
  const second = await leases.acquire(level(literal));
  await first.release();
  t.equal(second.password?.reveal(), "hunter2");
});

t.test("no lease is given where the reference leads nowhere", async (t) => {
  const reference = { from: "env", name: "GATEHOUSE_TEST_NOWHERE" } as const;
  await t.rejects(staticLeases(secrets).acquire(level(reference)), { code: "SECRET_UNAVAILABLE" });
});

t.test("a printed lease does not show its password", async (t) => {
  const lease = await staticLeases(secrets).acquire(level(literal));
  t.notMatch(inspect(lease, { showHidden: true, getters: true, depth: 5 }), "hunter2");
  t.notMatch(JSON.stringify(lease), "hunter2");
});

t.test("a level with a certificate leases it with its key, and no password", async (t) => {
  const pair = await issue("orders_reader");
  const lease = await staticLeases(secrets).acquire(
    certified(written(t, pair.certificatePem, pair.key.reveal())),
  );
  t.equal(lease.password, undefined);
  t.equal(lease.certificate?.cert.trim(), pair.certificatePem.trim());
  t.equal(lease.certificate?.key.reveal().trim(), pair.key.reveal().trim());
  const shown = inspect(lease, { showHidden: true, getters: true, depth: 5 }) + JSON.stringify(lease);
  t.notMatch(shown, "PRIVATE KEY");
});

t.test("a renewed pair is what the next session gets", async (t) => {
  const pair = await issue("orders_reader");
  const files = written(t, pair.certificatePem, pair.key.reveal());
  await staticLeases(secrets).acquire(certified(files));
  const renewed = await issue("orders_reader");
  writeFileSync(files.cert, renewed.certificatePem);
  writeFileSync(files.key, renewed.key.reveal());
  const lease = await staticLeases(secrets).acquire(certified(files));
  t.equal(lease.certificate?.cert.trim(), renewed.certificatePem.trim());
});

t.test("a released lease gives no key, however often it is released", async (t) => {
  const pair = await issue("orders_reader");
  const lease = await staticLeases(secrets).acquire(
    certified(written(t, pair.certificatePem, pair.key.reveal())),
  );
  const { certificate } = lease;
  await lease.release();
  await lease.release();
  t.throws(() => certificate?.key, { code: "SECRET_UNAVAILABLE" });
  t.throws(() => lease.password, { code: "SECRET_UNAVAILABLE" });
});

t.test(
  "no lease is given where certificate or key can't be used, and nothing of the key is told",
  async (t) => {
    const pair = await issue("orders_reader");
    const key = pair.key.reveal();
    const other = (await issue("orders_writer")).key.reveal();
    for (const [cert, content, code, message] of [
      [pair.certificatePem, "", "SECRET_UNAVAILABLE", /private key's file .*reader\.key is empty/],
      ["", key, "SECRET_UNAVAILABLE", /certificate's file .*reader\.crt is empty/],
      [pair.certificatePem, other, "CERTIFICATE_INVALID", /do not belong together/],
      ["no certificate", key, "CERTIFICATE_INVALID", /can't be used/],
      [pair.certificatePem, "hunter2", "CERTIFICATE_INVALID", /can't be used/],
    ] as const) {
      const thrown: unknown = await staticLeases(secrets)
        .acquire(certified(written(t, cert, content)))
        .catch((reason: unknown) => reason);
      t.match(thrown, { code, message });
      t.notMatch(inspect(thrown, { depth: 10 }), /hunter2|PRIVATE KEY/);
    }
  },
);
