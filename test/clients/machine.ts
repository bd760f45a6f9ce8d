import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Demo } from "@gatehouse/demo";
import type { MemoryLog } from "@gatehouse/testkit";
import type { Test } from "tap";
import type { Way } from "../../protocols/ssh/test/support/openssh.ts";
import { type Sshd, startSshd } from "../../protocols/ssh/test/support/sshd.ts";
import { demoFor, variantGateway } from "../environment.ts";

/** A whole gateway before the demo's database and a real sshd, which is the target `machine` with the level `deploy`. */
export interface Machine {
  readonly demo: Demo;
  readonly sshd: Sshd;
  readonly log: MemoryLog;
  /** The gateway's state folder. */
  readonly state: string;
  /** Dana's, who has a key that the config knows. */
  readonly way: Way;
}

/**
 * @param policy for `machine`; what may be done at `orders` the demo's policies say
 * @param name of its config, which no other of this demo may have
 */
export async function machineFor(
  t: Test,
  policy: (demo: Demo) => string,
  name = "machine",
): Promise<Machine> {
  const demo = await demoFor(t);
  const sshd = await startSshd();
  t.teardown(() => sshd.stop());
  await writeFile(join(demo.folder, "secrets", "machine-key"), sshd.key, { mode: 0o600 });
  await writeFile(join(demo.folder, `${name}-policy.yaml`), policy(demo));
  const [type = "", key = ""] = sshd.hostKey.split(" ");
  const { gateway, state, log } = await variantGateway(t, demo, name, {
    policies: `[file:${name}-policy.yaml, file:policies/analysts.yaml]`,
    "    - { name": `demo, issuer: "${demo.provider.issuer}", audience: gatehouse, ca: file:ca.crt, device: { clientId: gatehouse-cli } }`,
    targets: `
  machine:
    protocol: ssh
    address: 127.0.0.1:${sshd.port}
    hostKeys: ["${type} ${key}"]
    credential: { key: file:secrets/machine-key }
    levels:
      deploy: { login: ${sshd.user} }`,
  });
  const port = gateway.port("ssh") ?? 0;
  const knownHosts = join(demo.folder, `${name}-known-hosts`);
  const hostKey = await readFile(join(state, "ssh", "host_key_ed25519.pub"), "utf8");
  await writeFile(knownHosts, `[127.0.0.1]:${port} ${hostKey}`);
  const keyFile = demo.variables["GATEHOUSE_SSH_KEY"] ?? "";
  return { demo, sshd, log, state, way: { port, knownHosts, keyFile } };
}
