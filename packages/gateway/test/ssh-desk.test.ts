import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Identity } from "@gatehouse/core";
import { generatePrivateKey, readPrivateKey, writePrivateKey } from "@gatehouse/openssh";
import t, { type Test } from "tap";
import { Gateway } from "../src/index.ts";
import { auditEvents, type Environment, environment } from "./environment.ts";

const client = { host: "192.0.2.7", port: 50_000 };
const hers = generatePrivateKey("ssh-ed25519").publicKey;

async function started(t: Test, env: Environment) {
  const gateway = await Gateway.start(env);
  t.teardown(() => gateway.stop("test ended"));
  return gateway;
}

async function danaAt(gateway: Gateway, env: Environment): Promise<Identity> {
  return gateway.authenticate({ token: await env.provider.token("dana") });
}

t.test(
  "a certificate that a token was given for proves the same identity, and is on the log first",
  async (t) => {
    const env = await environment(t);
    const gateway = await started(t, env);
    const dana = await danaAt(gateway, env);
    const certificate = await gateway.ssh.certify(dana, {
      publicKey: `${hers.toString()} dana@laptop`,
      client,
    });
    const { subject, groups, proof } = await gateway.authenticate({ key: certificate.blob, client });
    t.match(
      { subject, groups, proof },
      {
        ...{ subject: "dana", groups: ["dba"] },
        proof: {
          method: "ssh-certificate",
          provider: "corp",
          issuer: dana.proof.issuer,
          tokenId: dana.proof.tokenId,
        },
      },
    );
    t.match((await auditEvents(env.folder)).at(-1), {
      ...{ type: "certificate.issued", subject: "dana", key: hers.fingerprint, client },
      serial: certificate.serial.toString(),
      until: new Date(certificate.validBefore).toISOString(),
    });
  },
);

t.test("nothing is certified that the log can't have, and nothing but public keys", async (t) => {
  const env = await environment(t);
  const gateway = await Gateway.start(env);
  const dana = await danaAt(gateway, env);
  for (const publicKey of ["", "hunter2", `no-pty ${hers.toString()}`])
    await t.rejects(gateway.ssh.certify(dana, { publicKey, client }), { code: "REQUEST_INVALID" });
  await gateway.stop("test ended");
  await t.rejects(gateway.ssh.certify(dana, { publicKey: hers.toString(), client }), {
    code: "AUDIT_FAILED",
  });
});

t.test("an authority of the gateway's own is made once, for its eyes alone, and kept", async (t) => {
  const env = await environment(t);
  const gateway = await Gateway.start(env);
  const ways = await Promise.all([gateway.ssh.way(), gateway.ssh.way()]);
  const path = join(env.folder, "state", "ssh", "user-authority");
  const { authority } = ways[0];
  t.equal(ways[1].authority, authority);
  t.equal((await stat(path)).mode & 0o777, 0o600);
  t.equal(readPrivateKey(await readFile(path, "utf8")).publicKey.toString(), authority);
  const dana = await danaAt(gateway, env);
  const { blob } = await gateway.ssh.certify(dana, { publicKey: hers.toString(), client });
  await gateway.stop("test ended");
  const again = await started(t, env);
  t.match(await again.authenticate({ key: blob, client }), { subject: "dana" });
});

t.test(
  "the config's authority is looked up anew, and one that was replaced trusts nothing of the old one's",
  async (t) => {
    const env = await environment(t, { providers: "  ssh: { authority: file:ssh-authority, ttl: 5m }" });
    const [first, second] = [generatePrivateKey("ssh-ed25519"), generatePrivateKey("ecdsa-sha2-nistp256")];
    const path = join(env.folder, "ssh-authority");
    await writeFile(path, writePrivateKey(first, "").reveal(), { mode: 0o600 });
    const gateway = await started(t, env);
    t.match(await gateway.ssh.way(), {
      authority: first.publicKey.toString(),
      hostKeys: [],
      port: undefined,
    });
    const dana = await danaAt(gateway, env);
    const { blob, validBefore } = await gateway.ssh.certify(dana, { publicKey: hers.toString(), client });
    t.ok(validBefore - env.clock.now() <= 5 * 60_000);
    t.match(await gateway.authenticate({ key: blob, client }), { subject: "dana" });
    await writeFile(path, writePrivateKey(second, "").reveal());
    t.same(await gateway.reload(), []);
    await t.rejects(gateway.authenticate({ key: blob, client }), { code: "IDENTITY_INVALID" });
    await writeFile(path, "no key");
    await gateway.reload();
    await t.rejects(gateway.authenticate({ key: blob, client }), { code: "IDENTITY_UNAVAILABLE" });
    await t.rejects(gateway.ssh.certify(dana, { publicKey: hers.toString(), client }), {
      code: "KEY_INVALID",
    });
  },
);
