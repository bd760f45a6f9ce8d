import type { PeerPool, Turns } from "../rounds.ts";
import type { Peer, PeerName } from "../work.ts";
import { direct } from "./peers/direct.ts";
import { startGateway } from "./peers/gateway.ts";
import { startPgbouncer } from "./peers/pgbouncer.ts";
import { startRelay } from "./peers/relay.ts";
import { type Amounts, startServer } from "./server.ts";
import { createSite, type Site } from "./site.ts";
import type { Stage } from "./stage.ts";

/** The server and the ways to it. */
export interface Bench {
  readonly stage: Stage;
  readonly pool: PeerPool;
  stop(): Promise<void>;
}

/** @param profiles where the gateway's CPU profiles go; none are made, when left out */
export async function startBench(
  amounts: Amounts,
  profiles: string | undefined,
  signal: AbortSignal,
): Promise<Bench> {
  const site = await createSite(signal);
  try {
    const server = await startServer(site, amounts);
    const pool = createPool(site, profiles);
    const stop = async () => {
      try {
        await pool.stop();
        await server.stop();
      } finally {
        await site.remove();
      }
    };
    return { stage: { site, server }, pool, stop };
  } catch (error) {
    await site.remove();
    throw error;
  }
}

/** What runs: some of the peers are one gateway, looked at in two ways. */
type Place = Exclude<PeerName, "unmasked" | "unheld" | "standing">;

/** Keeps the peers of one set of works running, and no others: idle neighbours would take memory and time. */
function createPool(site: Site, profiles: string | undefined): PeerPool & { stop(): Promise<void> } {
  const running = new Map<Place, Peer>();
  let set: string | undefined;

  async function stop(): Promise<void> {
    for (const [name, peer] of [...running]) {
      running.delete(name);
      await peer.stop();
    }
  }

  return {
    async take(name, work) {
      if (set !== work.set) await stop();
      set = work.set;
      const place = placeOf(name);
      const known = running.get(place);
      // One that has crashed fails the work that it crashed in, and no others.
      const peer = known && isAlive(known) ? known : await startPeer(site, place, work, profiles);
      running.set(place, peer);
      return { ...peer, name };
    },
    async giveBack(peer, work) {
      if (work.fresh === undefined) return;
      running.delete(placeOf(peer.name));
      await peer.stop();
    },
    stop,
  };
}

/** Masked, held, minted or not, it is one gateway that does it: two would differ in more than that. */
function placeOf(name: PeerName): Place {
  return name === "unmasked" || name === "unheld" || name === "standing" ? "gateway" : name;
}

function isAlive({ pid }: Peer): boolean {
  if (pid === undefined) return true;
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function startPeer(
  site: Site,
  name: Place,
  { transport, minting }: Turns,
  profiles: string | undefined,
): Promise<Peer> {
  switch (name) {
    case "direct":
      return Promise.resolve(direct(site, transport));
    case "pgbouncer":
      return startPgbouncer(site, transport);
    case "gateway":
      return startGateway(site, transport, { minting: minting === true, profiles });
    case "relay":
      return startRelay(site);
  }
}
