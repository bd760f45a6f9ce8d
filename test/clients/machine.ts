import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Demo } from "@gatehouse/demo";
import { type MemoryLog, peopleClient, type Sshd, startSshd } from "@gatehouse/testkit";
import type { Test } from "tap";
import { demoFor, variantGateway } from "../environment.ts";

/** A whole gateway before the demo's database and a real sshd, which is the target `machine` with the levels `deploy` and `look`. */
export interface Machine {
  readonly demo: Demo;
  readonly sshd: Sshd;
  readonly log: MemoryLog;
  /** The gateway's state folder. */
  readonly state: string;
  /** Dana's, who has a key that the config knows. */
  readonly way: { readonly port: number; readonly knownHosts: string; readonly keyFile: string };
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

/** Options of ssh that lead to the gateway, and to nothing that the machine's user has. */
export function optionsOf({ way: { port, knownHosts, keyFile } }: Machine): readonly string[] {
  return [
    ...["-F", "none", "-i", keyFile, "-o", "IdentitiesOnly=yes", "-o", `Port=${port}`],
    ...["-o", `UserKnownHostsFile=${knownHosts}`, "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"],
  ];
}

/** How a program ended, and what it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end. It has nothing to read. */
export function run(
  program: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
): Promise<Ended> {
  return endOf(spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] }));
}

/** Collects what a program writes, until its end. */
export async function endOf(child: ChildProcess): Promise<Ended> {
  let out = "";
  let err = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}
