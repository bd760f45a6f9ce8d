import { settled } from "../../settled.ts";
import type { SshWork } from "../stage.ts";
import { startTerminal, type Terminal } from "../terminal.ts";

/** Sessions that come and go before the first look, so that what every process needs once is there. */
const WARM_UP = 20;
/** Sessions that are begun at once. */
const AT_ONCE = 4;

/** What a session with an idle terminal keeps in RAM, all of the gateway's process counted. */
export function memory(sessions: number): SshWork {
  const name = `memory ${sessions}`;
  return {
    name,
    lines: [{ name, unit: "KB each", against: "itself", wanted: { atMost: 1000 } }],
    peers: ["gateway"],
    set: name,
    fresh: true,
    rounds: 3,
    async sample({ site }, peer) {
      if (peer.pid === undefined) throw new Error(`${peer.name} has no process to look at.`);
      const terminals: Terminal[] = [];
      const begin = async (count: number) => {
        for (let left = count; left > 0; left -= AT_ONCE) {
          const together = Array.from({ length: Math.min(left, AT_ONCE) }, () => startTerminal(site, peer));
          for (const begun of await Promise.allSettled(together)) {
            if (begun.status === "rejected") throw begun.reason;
            terminals.push(begun.value);
          }
        }
      };
      const endAll = () => Promise.all(terminals.splice(0).map((terminal) => terminal.stop()));
      try {
        await begin(WARM_UP);
        await endAll();
        const before = await settled(peer.pid);
        await begin(sessions);
        return { figures: [((await settled(peer.pid)) - before) / sessions / 1024] };
      } finally {
        await endAll();
      }
    },
  };
}
