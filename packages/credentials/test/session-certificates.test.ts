import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { Secret, type SecretReference } from "@gatehouse/core";
import {
  checkCertificate,
  generatePrivateKey,
  readCertificate,
  readPrivateKey,
  writePrivateKey,
} from "@gatehouse/openssh";
import { createFakeClock } from "@gatehouse/testkit";
import t from "tap";
import { configuredLeases, createSecrets } from "../src/index.ts";

const secrets = createSecrets({ vault: () => undefined });
const clock = createFakeClock();
const leases = configuredLeases({ secrets, clock, randomBytes });
const authority = generatePrivateKey("ecdsa-sha2-nistp256");
const reference: SecretReference = { from: "literal", secret: writePrivateKey(authority, "targets") };
const holder = { subject: "dana", session: "ses_1" };
const MINUTE = 60_000;

const acquire = (to = holder) => leases.acquire({ user: "deploy", authority: reference }, to);

t.test("each session has a key of its own, certified for its user and its log-in alone", async (t) => {
  const lease = await acquire();
  const key = lease.key && readPrivateKey(lease.key.secret);
  const certificate = readCertificate(lease.key?.certificate ?? Buffer.alloc(0));
  t.equal(lease.user, "deploy");
  t.equal(lease.password, undefined);
  t.ok(key?.publicKey.equals(certificate.publicKey));
  const wanted = { type: "user", authorities: [authority.publicKey], principal: "deploy" } as const;
  const now = clock.now();
  for (const at of [now, now - MINUTE + 1000, now + 5 * MINUTE - 2000]) {
    t.doesNotThrow(() => checkCertificate(certificate, { ...wanted, now: at }));
  }
  for (const bad of [
    { now: now + 5 * MINUTE },
    { now: now - 2 * MINUTE },
    { now, principal: "root" },
    { now, authorities: [generatePrivateKey("ssh-ed25519").publicKey] },
  ]) {
    t.throws(() => checkCertificate(certificate, { ...wanted, ...bad }), { code: "CERTIFICATE_INVALID" });
  }
  t.same(certificate.principals, ["deploy"]);
  t.equal(certificate.criticalOptions.size, 0);
  t.same(
    [...certificate.extensions.keys()],
    ["permit-X11-forwarding", "permit-agent-forwarding", "permit-port-forwarding", "permit-pty"],
  );

  const other = await acquire();
  const its = readCertificate(other.key?.certificate ?? Buffer.alloc(0));
  t.notOk(its.publicKey.equals(certificate.publicKey));
  t.not(its.serial, certificate.serial);
});

t.test("the target's log is told who came in which session, by names that can't mislead it", async (t) => {
  const lease = await acquire();
  const { serial, keyId } = readCertificate(lease.key?.certificate ?? Buffer.alloc(0));
  t.equal(keyId, "dana ses_1");
  t.same(lease.certified, { serial: String(serial), keyId });
  for (const [subject, id] of [
    ['dana" (serial 0)\n', "dana (serial 0) ses_1"],
    ["d\u202ea\u0000na\ud800", "dana ses_1"],
    ["x".repeat(5000), `${"x".repeat(256)} ses_1`],
  ] as const) {
    t.equal((await acquire({ ...holder, subject })).certified?.keyId, id);
  }
});

t.test("a released lease has no key, and what it has given out is wiped", async (t) => {
  const password: SecretReference = { from: "literal", secret: new Secret("hunter2") };
  const lease = await leases.acquire({ user: "deploy", password, authority: reference }, holder);
  const given = [lease.key?.secret, lease.password];
  t.equal(given[1]?.reveal(), "hunter2");
  await lease.release();
  await lease.release();
  for (const secret of given) t.throws(() => secret?.reveal(), { code: "SECRET_UNAVAILABLE" });
  t.throws(() => lease.key, { code: "SECRET_UNAVAILABLE" });
  t.throws(() => lease.password, { code: "SECRET_UNAVAILABLE" });
  t.equal((await acquire()).user, "deploy", "the authority's key is the config's, and stays");
});

t.test("an authority that can't be used certifies nobody, and nothing of it is told", async (t) => {
  const broken: SecretReference = { from: "literal", secret: new Secret("-----BEGIN hunter2-----") };
  const thrown: unknown = await leases
    .acquire({ user: "deploy", authority: broken }, holder)
    .catch((reason: unknown) => reason);
  t.match(thrown, { code: "KEY_INVALID", message: /^The key that the config holds can't be used/ });
  t.notMatch(inspect(thrown, { depth: 10 }), "hunter2");
  const nowhere: SecretReference = { from: "env", name: "GATEHOUSE_TEST_NOWHERE" };
  await t.rejects(leases.acquire({ user: "deploy", authority: nowhere }, holder), {
    code: "SECRET_UNAVAILABLE",
  });
});

t.test("a printed lease shows no key", async (t) => {
  const lease = await acquire();
  const shown = inspect(lease, { showHidden: true, getters: true, depth: 5 }) + JSON.stringify(lease);
  t.notMatch(shown, "PRIVATE KEY");
});

t.test("a key that the config refers to is leased as it is, and wiped at the end", async (t) => {
  const text = writePrivateKey(generatePrivateKey("ssh-ed25519"), "deploy").reveal();
  const key: SecretReference = { from: "literal", secret: new Secret(text) };
  const lease = await leases.acquire({ user: "deploy", key }, holder);
  const given = lease.key?.secret;
  t.equal(given?.reveal(), text);
  t.equal(lease.key?.certificate, undefined);
  t.equal(lease.certified, undefined);
  t.notMatch(inspect(lease, { showHidden: true, getters: true, depth: 5 }), "PRIVATE KEY");
  await lease.release();
  t.throws(() => given?.reveal(), { code: "SECRET_UNAVAILABLE" });
  t.throws(() => lease.key?.secret, { code: "SECRET_UNAVAILABLE" });
});
