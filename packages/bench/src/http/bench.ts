import { createPool } from "../pool.ts";
import type { Bench } from "../programme.ts";
import type { PeerName } from "../work.ts";
import { direct } from "./peers/direct.ts";
import { startGateway } from "./peers/gateway.ts";
import { startNginxProxy } from "./peers/nginx.ts";
import { startNodeProxy } from "./peers/node.ts";
import { versions } from "./programs.ts";
import { createSite, type Site } from "./site.ts";
import type { HttpPeer, HttpWork, Stage } from "./stage.ts";
import { startTargets } from "./targets.ts";

/**
 * Starts the targets for the ways to them.
 * @param bytes how much there is to fetch and to send
 */
export async function startBench(
  bytes: number,
  profiles: string | undefined,
  signal: AbortSignal,
): Promise<Bench<Stage, HttpPeer, HttpWork>> {
  const site = await createSite(bytes, signal);
  try {
    const targets = await startTargets(site);
    const pool = createPool<HttpPeer, HttpWork>({
      start: (name) => startPeer(site, name, profiles),
      // The same gateway, at the level without masks.
      placeOf: (name) => (name === "unmasked" ? "gateway" : name),
    });
    const stop = async () => {
      try {
        await pool.stop();
        await targets.stop();
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

function startPeer(site: Site, name: PeerName, profiles: string | undefined): Promise<HttpPeer> {
  switch (name) {
    case "direct":
      return Promise.resolve(direct(site));
    case "nginx":
      return startNginxProxy(site);
    case "node":
      return startNodeProxy(site);
    case "gateway":
      return startGateway(site, profiles);
    default:
      throw new TypeError(`HTTP has no peer that is called ${name}.`);
  }
}
