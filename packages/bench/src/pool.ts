import type { PeerPool } from "./rounds.ts";
import type { Peer, PeerName, Work } from "./work.ts";

export interface PoolOptions<P extends Peer, W> {
  /** Starts a peer as a work needs it. */
  readonly start: (name: PeerName, work: W) => Promise<P>;
  /** The peer that runs for those of this name: some are one process, looked at in two ways. */
  readonly placeOf?: (name: PeerName) => PeerName;
}

/** Keeps the peers of one set of works running, and no others: idle neighbours would take memory and time. */
export function createPool<P extends Peer, W extends Pick<Work<never, P>, "set" | "fresh">>({
  start,
  placeOf = (name) => name,
}: PoolOptions<P, W>): PeerPool<P, W> & { stop(): Promise<void> } {
  const running = new Map<PeerName, P>();
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
      const peer = known && isAlive(known) ? known : await start(place, work);
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

function isAlive({ pid }: Peer): boolean {
  if (pid === undefined) return true;
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
