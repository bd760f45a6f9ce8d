/** What `ssh-cert` and `ssh-config` make, in the hands of OpenSSH's own programs. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { generatePrivateKey } from "@gatehouse/openssh";
import t, { type Test } from "tap";
import { controlPlane } from "../control-plane.ts";
import { gatehouse } from "../gatehouse.ts";

const run = promisify(execFile);

async function agent(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-"));
  const socket = join(folder, "agent");
  const { stdout } = await run("ssh-agent", ["-a", socket]);
  const [, id] = /SSH_AGENT_PID=(\d+)/.exec(stdout) ?? [];
  t.teardown(async () => {
    process.kill(Number(id));
    await rm(folder, { recursive: true, force: true });
  });
  return socket;
}

t.test("ssh-agent takes the key with its certificate, and ssh-add lists it", async (t) => {
  const { env, certified } = await controlPlane(t);
  const SSH_AUTH_SOCK = await agent(t);
  t.match(await gatehouse(["ssh-cert"], { ...env, SSH_AUTH_SOCK }), { code: 0 });
  const { stdout } = await run("ssh-add", ["-L"], { env: { ...process.env, SSH_AUTH_SOCK } });
  const blob = certified[0]?.blob.toString("base64") ?? "nothing was certified";
  t.equal(stdout, `ssh-ed25519-cert-v01@openssh.com ${blob} gatehouse ann\n`);
});

t.test("ssh-keygen reads the files", async (t) => {
  const { env, folder } = await controlPlane(t);
  const out = join(folder, "id");
  t.match(await gatehouse(["ssh-cert", "--out", out], env), { code: 0 });
  const described = await run("ssh-keygen", ["-L", "-f", `${out}-cert.pub`]);
  t.match(described.stdout, /user certificate[\s\S]*Key ID: "ann"[\s\S]*Principals:\s+ann\n/);
  const derived = await run("ssh-keygen", ["-y", "-f", out]);
  const listed = await run("ssh-keygen", ["-l", "-f", `${out}.pub`]);
  await writeFile(join(folder, "derived.pub"), derived.stdout);
  const again = await run("ssh-keygen", ["-l", "-f", join(folder, "derived.pub")]);
  t.equal(listed.stdout.split(" ")[1], again.stdout.split(" ")[1]);
});

t.test("ssh reads the config: the user is the login at the target, the host the gateway", async (t) => {
  const { env, folder, way } = await controlPlane(t);
  way.port = 2222;
  way.hostKeys = [generatePrivateKey("ssh-ed25519").publicKey.toString()];
  const known = join(folder, "known 100%");
  const options = ["--identity", join(folder, "my id"), "--known-hosts-file", known];
  const config = join(folder, "config");
  await writeFile(config, (await gatehouse(["ssh-config", "deploy@web", ...options], env)).stdout);
  const { stdout } = await run("ssh", ["-G", "-F", config, "web.gatehouse"]);
  for (const line of [
    "user deploy@web",
    "hostname 127.0.0.1",
    "port 2222",
    `identityfile ${join(folder, "my id")}`,
    `certificatefile ${join(folder, "my id-cert.pub")}`,
    "identitiesonly yes",
    "stricthostkeychecking true",
  ])
    t.match(stdout, new RegExp(`^${line.replace(/[.\\/]/g, "\\$&")}$`, "m"));
  const gateway = await run("ssh", ["-G", "-F", config, "deploy@web@gatehouse"]);
  t.match(gateway.stdout, /^user deploy@web$/m);
  await writeFile(known, (await gatehouse(["ssh-config", "--known-hosts"], env)).stdout);
  const found = await run("ssh-keygen", ["-F", "[127.0.0.1]:2222", "-f", known]);
  t.match(found.stdout, /found: line 1/);
});
