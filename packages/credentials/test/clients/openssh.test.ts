// Sessions' certificates, taken by a real sshd from a real ssh. `npm run test:clients` runs this.
import { execFile, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Clock, type Lease, type SecretReference, systemClock } from "@gatehouse/core";
import { generatePrivateKey, writePrivateKey } from "@gatehouse/openssh";
import { freePort } from "@gatehouse/testkit";
import t from "tap";
import { configuredLeases, createSecrets } from "../../src/index.ts";

const SSHD = "/usr/sbin/sshd";
const { username } = userInfo();
const authority = generatePrivateKey("ssh-ed25519");
const reference: SecretReference = { from: "literal", secret: writePrivateKey(authority, "targets") };
const folder = mkdtempSync(join(tmpdir(), "gatehouse-certified-"));
t.teardown(() => rmSync(folder, { recursive: true }));

const sshd = await startSshd();

/** An sshd that knows nobody, but trusts the authority. */
async function startSshd() {
  const port = await freePort();
  const file = (name: string) => join(folder, name);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file("host")]);
  writeFileSync(file("authority.pub"), `${authority.publicKey.toString()}\n`);
  // Where sshd runs as root, it wants this folder for those whom it has not let in yet.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const lines = [
    ...["ListenAddress 127.0.0.1", `Port ${port}`, `HostKey ${file("host")}`, "PidFile none"],
    ...[`TrustedUserCAKeys ${file("authority.pub")}`, "AuthorizedKeysFile none", "PermitRootLogin yes"],
    ...["UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "LogLevel VERBOSE", ""],
  ];
  writeFileSync(file("sshd_config"), lines.join("\n"));
  const child = spawn(SSHD, ["-D", "-e", "-f", file("sshd_config")], { stdio: ["ignore", "ignore", "pipe"] });
  const log: string[] = [];
  const listening = Promise.withResolvers<void>();
  child.once("error", listening.reject);
  child.once("exit", () => listening.reject(new Error(log.join("\n"))));
  createInterface({ input: child.stderr }).on("line", (line) => {
    log.push(line);
    if (line.startsWith("Server listening")) listening.resolve();
  });
  t.teardown(async () => {
    const gone = once(child, "exit");
    child.kill();
    await gone;
  });
  await listening.promise;
  return { port, log };
}

function acquire(user: string, clock: Clock = systemClock): Promise<Lease> {
  const secrets = createSecrets({ vault: () => undefined });
  const leases = configuredLeases({ secrets, clock, randomBytes });
  return leases.acquire({ user, authority: reference }, { subject: "dana", session: "ses_1" });
}

/** Logs in with what a lease has. @returns what ssh has written, or why it failed */
async function ssh(lease: Lease): Promise<string> {
  const { key } = lease;
  if (!key?.certificate) throw new Error("the lease has no certificate");
  const at = mkdtempSync(join(folder, "client-"));
  const identity = join(at, "id");
  writeFileSync(identity, key.secret.reveal(), { mode: 0o600 });
  const blob = Buffer.from(key.certificate).toString("base64");
  writeFileSync(`${identity}-cert.pub`, `ssh-ed25519-cert-v01@openssh.com ${blob}\n`);
  const options = [
    "BatchMode=yes",
    "IdentitiesOnly=yes",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
  ];
  const args = [
    ...["-F", "none", "-i", identity, "-p", String(sshd.port)],
    ...options.flatMap((option) => ["-o", option]),
    ...[`${username}@127.0.0.1`, "echo in"],
  ];
  return new Promise((resolve) => {
    execFile("ssh", args, { timeout: 20_000 }, (error, stdout, stderr) => resolve(error ? stderr : stdout));
  });
}

t.test("sshd takes a session's certificate, and logs whose it is", async (t) => {
  const lease = await acquire(username);
  t.equal(await ssh(lease), "in\n");
  const { serial, keyId } = lease.certified ?? {};
  const { fingerprint } = authority.publicKey;
  const known = `ID ${keyId} (serial ${serial}) CA ED25519 ${fingerprint}`;
  const accepted = sshd.log.filter((line) => line.startsWith("Accepted publickey"));
  t.match(accepted, [known]);
  t.equal(accepted.length, 1);
});

t.test("sshd takes none for another user, and none that is for another time", async (t) => {
  const earlier: Clock = { now: () => systemClock.now() - 6 * 60_000 };
  const later: Clock = { now: () => systemClock.now() + 2 * 60_000 };
  for (const lease of [
    await acquire(`not-${username}`),
    await acquire(username, earlier),
    await acquire(username, later),
  ]) {
    t.match(await ssh(lease), /Permission denied/);
  }
});
