import { createPool } from "../pool.ts";
import type { Bench } from "../programme.ts";
import type { PeerName } from "../work.ts";
import { direct } from "./peers/direct.ts";
import { startGateway } from "./peers/gateway.ts";
import { startPgbouncer } from "./peers/pgbouncer.ts";
import { startRelay } from "./peers/relay.ts";
import { versions } from "./programs.ts";
import { type Amounts, startServer } from "./server.ts";
import { createSite, type Site } from "./site.ts";
import type { PostgresPeer, PostgresWork, Stage } from "./stage.ts";

/**
 * Starts the server, with its data, for the ways to it.
 * @param profiles where the gateway's CPU profiles go; none are made, when left out
 */
export async function startBench(
  amounts: Amounts,
  profiles: string | undefined,
  signal: AbortSignal,
): Promise<Bench<Stage, PostgresPeer, PostgresWork>> {
  const site = await createSite(signal);
  try {
    const server = await startServer(site, amounts);
    const pool = createPool<PostgresPeer, PostgresWork>({
      placeOf,
      start: (name, work) => startPeer(site, name, work, profiles),
    });
    const stop = async () => {
      try {
        await pool.stop();
        await server.stop();
      } finally {
        await site.remove();
      }
    };
    return { stage: { site, server }, pool, versions: () => versions(site.programs), stop };
  } catch (error) {
    await site.remove();
    throw error;
  }
}

/** Masked, held, minted or not, it is one gateway that does it: two would differ in more than that. */
function placeOf(name: PeerName): PeerName {
  return name === "unmasked" || name === "unheld" || name === "standing" ? "gateway" : name;
}

function startPeer(
  site: Site,
  name: PeerName,
  { transport, minting }: PostgresWork,
  profiles: string | undefined,
): Promise<PostgresPeer> {
  switch (name) {
    case "direct":
      return Promise.resolve(direct(site, transport));
    case "pgbouncer":
      return startPgbouncer(site, transport);
    case "gateway":
      return startGateway(site, transport, { minting: minting === true, profiles });
    case "relay":
      return startRelay(site);
    default:
      throw new TypeError(`PostgreSQL has no peer that is called ${name}.`);
  }
}
