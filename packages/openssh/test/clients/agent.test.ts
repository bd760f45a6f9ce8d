// Keys in a real ssh-agent. `npm run test:clients` runs this.
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import {
  addIdentity,
  type Certificate,
  generatePrivateKey,
  issueCertificate,
  type PrivateKey,
  type PublicKey,
  removeIdentity,
} from "../../src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "gatehouse-agent-"));
const socket = join(folder, "agent");
const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: ["ignore", "pipe", "inherit"] });
t.teardown(async () => {
  agent.kill();
  if (agent.exitCode === null && agent.signalCode === null) await once(agent, "exit");
  rmSync(folder, { recursive: true });
});
// It says where its socket is once it listens there.
await once(agent.stdout, "data");

function sshAdd(...args: string[]): string {
  const options = {
    encoding: "utf8",
    env: { ...process.env, SSH_AUTH_SOCK: socket },
    timeout: 20_000,
  } as const;
  return execFileSync("ssh-add", args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
}

/** Has the agent sign with a key, and ssh-add verify it: so the secret half is the right one. */
function signs(identity: PublicKey | Certificate): void {
  const type = "algorithm" in identity ? identity.algorithm : identity.type;
  const file = join(folder, "identity.pub");
  writeFileSync(file, `${type} ${identity.blob.toString("base64")}\n`);
  sshAdd("-T", file);
}

function certify(key: PrivateKey): Certificate {
  const now = Date.now();
  return issueCertificate(
    generatePrivateKey("ssh-ed25519"),
    {
      ...{ type: "user", publicKey: key.publicKey, serial: 1n, keyId: "dana", principals: ["deploy"] },
      ...{ validAfter: now, validBefore: now + 60_000 },
    },
    randomBytes,
  );
}

for (const type of [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
] as const) {
  t.test(`${type}: a key goes in, signs, and comes out again`, async (t) => {
    const key = generatePrivateKey(type);
    await addIdentity(socket, { key, comment: "a test's key", lifetime: 60 });
    t.match(sshAdd("-L"), `${key.publicKey.toString()} a test's key`);
    t.doesNotThrow(() => signs(key.publicKey));
    await removeIdentity(socket, key.publicKey);
    t.throws(() => sshAdd("-L"), "it is empty again");
    await t.rejects(removeIdentity(socket, key.publicKey), { code: "AGENT_FAILED" });
  });

  t.test(`${type}: so does one with a certificate`, async (t) => {
    const key = generatePrivateKey(type);
    const certificate = certify(key);
    await addIdentity(socket, { key, certificate, comment: "a test's certificate", lifetime: 60 });
    t.match(
      sshAdd("-L"),
      `${certificate.algorithm} ${certificate.blob.toString("base64")} a test's certificate`,
    );
    t.doesNotThrow(() => signs(certificate));
    await removeIdentity(socket, certificate);
    t.throws(() => sshAdd("-L"), "it is empty again");
  });
}
