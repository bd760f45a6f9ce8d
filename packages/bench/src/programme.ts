import type { PeerPool } from "./rounds.ts";
import type { Peer, Work } from "./work.ts";

/** Works, and what has to be there for them. */
export interface Programme<Stage, P extends Peer, W extends Work<Stage, P> = Work<Stage, P>> {
  readonly works: readonly W[];
  /** What the figures stand for, below the table. */
  readonly notes: string;
  /** @param profiles where the gateway's CPU profiles go; none are made, when undefined */
  start(profiles: string | undefined, signal: AbortSignal): Promise<Bench<Stage, P, W>>;
}

/** What the works are done at, running. */
export interface Bench<Stage, P extends Peer, W> {
  readonly stage: Stage;
  readonly pool: PeerPool<P, W>;
  /** What the others' programs say that they are, by name. */
  readonly versions: () => Promise<Readonly<Record<string, string>>>;
  readonly stop: () => Promise<void>;
}
