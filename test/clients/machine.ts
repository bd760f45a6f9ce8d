import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Demo } from "@gatehouse/demo";
import { type MemoryLog, peopleClient } from "@gatehouse/testkit";
import type { Test } from "tap";
import type { Way } from "../../protocols/ssh/test/support/openssh.ts";
import { type Sshd, startSshd } from "../../protocols/ssh/test/support/sshd.ts";
import { demoFor, variantGateway } from "../environment.ts";

/** A whole gateway before the demo's database and a real sshd, which is the target `machine` with the levels `deploy` and `look`. */
export interface Machine {
  readonly demo: Demo;
  readonly sshd: Sshd;
  readonly log: MemoryLog;
  /** The gateway's state folder. */
  readonly state: string;
  /** Dana's, who has a key that the config knows. */
  readonly way: Way;
}

export interface MachineOptions {
  /** What may be done at `machine`; at `orders` the demo's analysts may do what they may. */
  readonly policies: (demo: Demo) => readonly string[];
  /** Of sshd's config. */
  readonly sshd?: readonly string[];
}

export async function machineFor(t: Test, options: MachineOptions): Promise<Machine> {
  const demo = await demoFor(t);
  const file = (name: string) => join(demo.folder, name);
  const sshd = await startSshd(options.sshd);
  t.teardown(() => sshd.stop());
  await writeFile(file("secrets/machine-key"), sshd.key, { mode: 0o600 });
  const policies = options.policies(demo);
  for (const [number, policy] of policies.entries()) await writeFile(file(`machine-${number}.yaml`), policy);
  const [type = "", key = ""] = sshd.hostKey.split(" ");
  const { gateway, state, log } = await variantGateway(t, demo, "machine", {
    policies: `[${policies.map((_, number) => `file:machine-${number}.yaml`).join(", ")}, file:policies/analysts.yaml]`,
    "    - { name": `demo, issuer: "${demo.provider.issuer}", audience: gatehouse, ca: file:ca.crt, device: { clientId: ${peopleClient} } }`,
    targets: `
  machine:
    protocol: ssh
    address: 127.0.0.1:${sshd.port}
    hostKeys: ["${type} ${key}"]
    credential: { key: file:secrets/machine-key }
    levels:
      deploy: { login: ${sshd.user} }
      look: { login: ${sshd.user} }`,
  });
  const port = gateway.port("ssh") ?? 0;
  const knownHosts = file("machine-known-hosts");
  const hostKey = await readFile(join(state, "ssh", "host_key_ed25519.pub"), "utf8");
  await writeFile(knownHosts, `[127.0.0.1]:${port} ${hostKey}`);
  const keyFile = demo.variables["GATEHOUSE_SSH_KEY"] ?? "";
  return { demo, sshd, log, state, way: { port, knownHosts, keyFile } };
}
