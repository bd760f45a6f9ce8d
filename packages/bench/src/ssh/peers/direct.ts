import type { Site } from "../site.ts";
import type { Sshd } from "../sshd.ts";
import type { SshPeer } from "../stage.ts";
import { clientConfig, sftpProgram, sshArguments } from "./client.ts";

/** The target itself, with the key that only a bastion or the gateway has otherwise. */
export async function direct(site: Site, target: Sshd): Promise<SshPeer> {
  const { keys, targetPort: port, user } = site;
  const way = { name: "target", port, user, key: keys.hop, hostKey: target.hostKey };
  const config = await clientConfig(site, way);
  return {
    name: "direct",
    ssh: (asked) => sshArguments(config, way.name, asked),
    sftpProgram: await sftpProgram(site, "direct", ["-F", config, "-s", way.name, "sftp"]),
    stop: () => Promise.resolve(),
  };
}
