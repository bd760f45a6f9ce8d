import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generatePrivateKey, readCertificate, readPrivateKey } from "@gatehouse/openssh";
import { InvalidArgumentError } from "commander";
import t, { type Test } from "tap";
import { wayArgument } from "../src/ssh-options.ts";
import { controlPlane } from "./control-plane.ts";
import { gatehouse } from "./gatehouse.ts";

const hostKey = generatePrivateKey("ssh-ed25519").publicKey.toString();

/** What an agent is asked, which says yes to everything. */
async function agent(t: Test): Promise<{ readonly socket: string; readonly asked: Buffer[] }> {
  // A test's own folder has too long a name for a socket.
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const socket = join(folder, "agent");
  const asked: Buffer[] = [];
  const server = createServer((client) => {
    client.on("data", (bytes) => {
      asked.push(bytes);
      if (Buffer.concat(asked).length > 4) client.write(Buffer.of(0, 0, 0, 1, 6));
    });
  });
  server.listen(socket);
  await once(server, "listening");
  t.teardown(() => server.close());
  return { socket, asked };
}

t.test("without options the key is made in memory, and is in the agent alone", async (t) => {
  const { env, certified } = await controlPlane(t);
  const { socket, asked } = await agent(t);
  const { code, stdout } = await gatehouse(["ssh-cert"], { ...env, SSH_AUTH_SOCK: socket });
  t.equal(code, 0);
  t.match(
    stdout,
    /^✔ ann, for (59m( \d+s)?|1h), until 20.*\n {2}certificate 1 of SHA256:\S+\n {2}in the agent/,
  );
  const [certificate] = certified;
  if (!certificate) throw new Error("nothing was certified");
  t.ok(Buffer.concat(asked).includes(certificate.blob), "the agent has the certificate");
});

t.test("with --out the key is a file of its own, which is used again and never written over", async (t) => {
  const { env, folder, certified } = await controlPlane(t);
  const out = join(folder, "id");
  const first = await gatehouse(["ssh-cert", "--out", out, "--json"], env);
  t.match(JSON.parse(first.stdout), {
    keyId: "ann",
    agent: false,
    files: [out, `${out}.pub`, `${out}-cert.pub`],
  });
  for (const file of [out, `${out}-cert.pub`]) t.equal((await stat(file)).mode & 0o777, 0o600);
  const text = await readFile(out, "utf8");
  const { publicKey } = readPrivateKey(text);
  t.match(await readFile(`${out}.pub`, "utf8"), publicKey.toString());
  const second = await gatehouse(["ssh-cert", "--out", out, "--lifetime", "5m"], env);
  t.equal(second.code, 0);
  t.equal(await readFile(out, "utf8"), text);
  const line = await readFile(`${out}-cert.pub`, "utf8");
  const certificate = readCertificate(Buffer.from(line.split(" ")[1] ?? "", "base64"));
  t.ok(certificate.publicKey.equals(publicKey));
  t.equal(certificate.serial, 2n);
  t.ok(certificate.validBefore - Date.now() <= 300_000);
  t.equal(certified.length, 2);
});

t.test("with --key the private half is never touched", async (t) => {
  const { env, folder } = await controlPlane(t);
  const { publicKey } = generatePrivateKey("ecdsa-sha2-nistp256");
  const key = join(folder, "mine.pub");
  await writeFile(key, `${publicKey.toString()} ann@laptop\n`);
  const { code, stdout } = await gatehouse(["ssh-cert", "--key", key], env);
  t.equal(code, 0);
  t.match(stdout, `  ${join(folder, "mine-cert.pub")}\n`);
  t.match(
    await readFile(join(folder, "mine-cert.pub"), "utf8"),
    /^ecdsa-sha2-nistp256-cert-v01@openssh\.com /,
  );
});

t.test("what can't be is said before anything is certified", async (t) => {
  const { env, folder, certified } = await controlPlane(t);
  const secret = join(folder, "secret");
  await writeFile(secret, "hunter2");
  for (const [args, code, said] of [
    [[], 2, /SSH_AUTH_SOCK is not set/],
    [["--no-agent"], 2, /--out FILE, or --key/],
    [["--out", "a", "--key", "b"], 2, /--out or --key/],
    [["--key", "a.pub", "--agent"], 2, /private key/],
    [["--out", secret], 1, /KEY_INVALID/],
    [["--key", secret], 1, /KEY_INVALID/],
  ] as const) {
    const { code: given, stderr } = await gatehouse(["ssh-cert", ...args], env);
    t.equal(given, code, args.join(" "));
    t.match(stderr, said);
    t.notMatch(stderr, "hunter2");
  }
  t.equal(certified.length, 0);
  t.equal(await readFile(secret, "utf8"), "hunter2");
});

t.test("ssh's config names the gateway, and logins that were asked for", async (t) => {
  const { env, way } = await controlPlane(t);
  way.port = 2222;
  way.hostKeys = [hostKey];
  const { code, stdout } = await gatehouse(["ssh-config", "deploy@web"], env);
  t.equal(code, 0);
  t.equal(
    stdout.replace(/^#.*\n/gm, ""),
    `Host gatehouse
    HostName 127.0.0.1
    Port 2222
    UserKnownHostsFile ~/.ssh/gatehouse_known_hosts
    StrictHostKeyChecking yes

Host web.gatehouse
    User deploy@web
    HostName 127.0.0.1
    Port 2222
    UserKnownHostsFile ~/.ssh/gatehouse_known_hosts
    StrictHostKeyChecking yes
`,
  );
  const known = await gatehouse(["ssh-config", "--known-hosts"], env);
  t.equal(known.stdout, `[127.0.0.1]:2222 ${hostKey}\n`);
});

t.test("a file of one's own, another address and an authority for hosts are heeded", async (t) => {
  const { env, way, folder } = await controlPlane(t);
  way.hostKeys = [`@cert-authority ${hostKey}`];
  const options = [
    "--identity",
    join(folder, "my key"),
    "--host",
    "gw.example.com",
    "--port",
    "22",
    "--name",
    "gw",
  ];
  const { stdout } = await gatehouse(["ssh-config", ...options, "--json"], env);
  const { config, knownHosts } = JSON.parse(stdout) as { config: string; knownHosts: string[] };
  t.match(config, /^Host gw\n {4}HostName gw\.example\.com\n {4}Port 22\n {4}IdentityFile "/m);
  t.match(config, `CertificateFile "${join(folder, "my key-cert.pub")}"`);
  t.strictSame(knownHosts, [`@cert-authority gw.example.com ${hostKey}`]);
});

t.test("nothing stands in ssh's config that could mean something else there", async (t) => {
  const { env, way } = await controlPlane(t);
  t.match(await gatehouse(["ssh-config"], env), { code: 1, stderr: /does not listen for SSH/ });
  way.port = 2222;
  t.match(await gatehouse(["ssh-config", "web"], env), { code: 2, stderr: /LOGIN@TARGET/ });
  for (const argument of ["web", "deploy@web\n  ProxyCommand sh", "a b@web", "deploy@*", "@web", "-o@web"])
    t.throws(() => wayArgument(argument), InvalidArgumentError, argument);
  t.strictSame(wayArgument("deploy%web"), [{ login: "deploy", target: "web" }]);
  way.hostKeys = [`${hostKey}\nHost *`];
  t.match(await gatehouse(["ssh-config"], env), { code: 1, stdout: "", stderr: /host key/ });
});
