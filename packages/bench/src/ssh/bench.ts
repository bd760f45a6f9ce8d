import { createPool } from "../pool.ts";
import type { Bench } from "../programme.ts";
import type { PeerName } from "../work.ts";
import { startBastion } from "./peers/bastion.ts";
import { direct } from "./peers/direct.ts";
import { startGateway } from "./peers/gateway.ts";
import { versions } from "./programs.ts";
import { createSite, type Site } from "./site.ts";
import { startSshd, type Sshd } from "./sshd.ts";
import type { SshPeer, SshWork, Stage } from "./stage.ts";

/**
 * Starts the target for the ways to it.
 * @param bytes how much there is to stream and to copy
 */
export async function startBench(
  bytes: number,
  profiles: string | undefined,
  signal: AbortSignal,
): Promise<Bench<Stage, SshPeer, SshWork>> {
  const site = await createSite(bytes, signal);
  try {
    const target = await startSshd(site, { name: "target", port: site.targetPort, key: site.keys.hop });
    const pool = createPool<SshPeer, SshWork>({ start: (name) => startPeer(site, target, name, profiles) });
    const stop = async () => {
      try {
        await pool.stop();
        await target.stop("SIGTERM");
      } finally {
        await site.remove();
      }
    };
    return { stage: { site }, pool, versions: () => versions(site.programs), stop };
  } catch (error) {
    await site.remove();
    throw error;
  }
}

function startPeer(site: Site, target: Sshd, name: PeerName, profiles: string | undefined): Promise<SshPeer> {
  switch (name) {
    case "direct":
      return direct(site, target);
    case "bastion":
      return startBastion(site, target);
    case "gateway":
      return startGateway(site, target, profiles);
    default:
      throw new TypeError(`SSH has no peer that is called ${name}.`);
  }
}
