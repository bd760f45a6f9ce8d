import { join } from "node:path";
import { startConversation } from "../../processes.ts";
import { settled } from "../../settled.ts";
import type { Site } from "../site.ts";
import { clientEnvironment } from "../clients/environment.ts";
import type { HttpPeer, HttpWork } from "../stage.ts";
import { SMALL } from "../targets.ts";

const MAIN = join(import.meta.dirname, "..", "clients", "idle-main.ts");
/** Milliseconds in which all have to have connected. */
const PATIENCE = 3 * 60_000;
/** Clients that come and go before the first look, so that what every process needs once is there. */
const WARM_UP = 100;

/** What a client's connection keeps in RAM that is idle behind one request: all of the process counted, TLS as well. */
export function memory(clients: number): HttpWork {
  const name = `memory ${clients}`;
  return {
    name,
    lines: [{ name, unit: "KB each", against: "itself", wanted: { atMost: 80 } }],
    peers: ["nginx", "node", "gateway"],
    set: name,
    fresh: true,
    rounds: 3,
    async sample({ site }, peer) {
      const { pid } = peer;
      if (pid === undefined) throw new Error(`${peer.name} has no process to look at.`);
      await whileIdle(site, peer, WARM_UP, () => Promise.resolve());
      const before = await settled(pid);
      const idle = await whileIdle(site, peer, clients, () => settled(pid));
      return { figures: [(idle - before) / clients / 1024] };
    },
  };
}

/** @throws Error where some of the clients were no longer there at the end */
async function whileIdle<T>(site: Site, peer: HttpPeer, clients: number, look: () => Promise<T>): Promise<T> {
  const { folder, signal } = site;
  const args = ["--disable-warning=ExperimentalWarning", MAIN, String(clients)];
  const env = clientEnvironment(site, peer, { target: "api", path: SMALL });
  const idle = startConversation({ program: process.execPath, args, env, cwd: folder, signal }, PATIENCE);
  try {
    await idle.heard("ready\n");
    const seen = await look();
    idle.say("?\n");
    await idle.heard(`${clients} open\n`);
    return seen;
  } finally {
    await idle.stop();
  }
}
