import { freePort } from "@gatehouse/testkit";
import type { Site } from "../site.ts";
import { startSshd, type Sshd } from "../sshd.ts";
import type { SshPeer } from "../stage.ts";
import { clientConfig, sftpProgram, sshArguments, words } from "./client.ts";

/** `ssh bastion ssh target`: a host that has the key for the target, decrypts what comes and encrypts it anew. */
export async function startBastion(site: Site, target: Sshd): Promise<SshPeer> {
  const { keys, programs, targetPort, user } = site;
  const port = await freePort();
  const { hostKey, stop } = await startSshd(site, { name: "bastion", port, key: keys.client });
  const way = { name: "bastion", port, user, key: keys.client, hostKey };
  const hop = { name: "hop", port: targetPort, user, key: keys.hop, hostKey: target.hostKey };
  const config = await clientConfig(site, way);
  const hopConfig = await clientConfig(site, hop);
  const atBastion = (args: readonly string[]) => `exec ${words([programs.ssh, ...args])}`;
  return {
    name: "bastion",
    ssh: (asked) =>
      sshArguments(config, way.name, {
        ...asked,
        command: atBastion(sshArguments(hopConfig, hop.name, asked)),
      }),
    sftpProgram: await sftpProgram(
      site,
      "bastion",
      sshArguments(config, way.name, { command: atBastion(["-F", hopConfig, "-s", hop.name, "sftp"]) }),
    ),
    stop: () => stop("SIGTERM"),
  };
}
