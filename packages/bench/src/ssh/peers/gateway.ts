import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "@gatehouse/testkit";
import { gatewayCall, POLICIES } from "../../gateway.ts";
import { accepts, startService } from "../../processes.ts";
import { AUDIENCE, LEVEL, MASKED_LEVEL, publicKey, type Site, TARGET } from "../site.ts";
import type { Sshd } from "../sshd.ts";
import type { SshPeer } from "../stage.ts";
import { clientConfig, sftpProgram, sshArguments } from "./client.ts";

/**
 * The gateway as an operator runs it: `gatehouse serve` as a process of its own, with a key that it knows for each client, ten rules,
 * command lines that are understood, recordings, and an audit log that is new for this process.
 */
export async function startGateway(site: Site, target: Sshd, profiles: string | undefined): Promise<SshPeer> {
  const { keys, signal } = site;
  const port = await freePort();
  const folder = await mkdtemp(join(site.folder, "gateway-"));
  await cp(join(POLICIES, "ssh"), join(folder, "policies"), { recursive: true });
  const config = join(folder, "gatehouse.yaml");
  await writeFile(config, await configOf(site, target, port));
  const { pid, stop } = await startService({ ...gatewayCall(config, profiles), cwd: folder, signal }, () =>
    accepts({ port, host: "127.0.0.1" }),
  );
  const hostKey = await readFile(join(folder, "state", "ssh", "host_key_ed25519.pub"), "utf8");
  const way = {
    name: "gateway",
    port,
    user: `${LEVEL}@${TARGET}`,
    key: keys.client,
    hostKey: hostKey.trim(),
  };
  const ssh = await clientConfig(site, way);
  return {
    name: "gateway",
    pid,
    ssh: (asked) =>
      sshArguments(ssh, way.name, asked, asked.masked ? ["-l", `${MASKED_LEVEL}@${TARGET}`] : []),
    sftpProgram: await sftpProgram(site, "gateway", ["-F", ssh, "-s", way.name, "sftp"]),
    async stop() {
      await stop("SIGTERM");
      // The recordings of a few rounds are gigabytes.
      await rm(folder, { recursive: true });
    },
  };
}

async function configOf({ tls, provider, keys, targetPort, user }: Site, target: Sshd, port: number) {
  return `state: file:state
tls: { cert: "file:${tls.cert}", key: "file:${tls.key}" }
listeners:
  ssh: { address: 127.0.0.1:${port} }
identity:
  oidc:
    - { name: bench, issuer: "${provider.issuer}", audience: ${AUDIENCE}, ca: "file:${tls.ca}" }
  ssh:
    keys:
      - { subject: bench, provider: bench, kind: workload, groups: [bench], keys: ["${await publicKey(keys.client)}"] }
targets:
  ${TARGET}:
    protocol: ssh
    address: 127.0.0.1:${targetPort}
    hostKeys: ["${target.hostKey}"]
    credential: { key: "file:${keys.hop}" }
    levels:
      ${LEVEL}: { login: ${user} }
      ${MASKED_LEVEL}: { login: ${user} }
policies: [file:policies/*.yaml]
limits: { connections: 5000 }
sessions: { perIdentity: 5000 }
drain: 0s
`;
}
