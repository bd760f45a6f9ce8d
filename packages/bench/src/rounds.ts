import { cpuSeconds } from "./process-figures.ts";
import type { Peer, PeerName, Sample, Work } from "./work.ts";

/** Seconds: a runtime that compiles what runs often takes two of the processor's at the start, and none in the years behind. */
const WARM_UP = 4;

/** A sample, and what it cost the process in between. */
export interface Measured extends Sample {
  /** CPU microseconds of the peer's process for each transaction, row, ... */
  readonly cpu?: number;
}

export type Round = ReadonlyMap<PeerName, Measured>;

/** Starts and stops peers. */
export interface PeerPool<P extends Peer, W> {
  /** The one that runs for this work, or a new one where the work asks for it. */
  take(name: PeerName, work: W): Promise<P>;
  /** Says that a peer's turn is over. */
  giveBack(peer: P, work: W): Promise<void>;
}

export interface RoundsOptions<Stage, P extends Peer, W> {
  readonly stage: Stage;
  readonly rounds: number;
  readonly seconds: number;
  readonly pool: PeerPool<P, W>;
  readonly announce: (step: string) => void;
  /** Told what went wrong in a sample that counts all the same. */
  readonly remark: (text: string) => void;
}

/**
 * Does a work at each of its peers in turn, round by round, and after a first turn that does not count. The machine
 * is never equally quick for long: what is compared has to be next to each other, and no peer may always be first.
 */
export async function inRounds<Stage, P extends Peer, W extends Work<Stage, P>>(
  work: W,
  options: RoundsOptions<Stage, P, W>,
): Promise<Round[]> {
  const rounds = Math.min(options.rounds, work.rounds ?? options.rounds);
  if (work.fresh === undefined) {
    options.announce("warming up");
    for (const name of work.peers) await turn(work, name, { ...options, seconds: WARM_UP });
  }
  const done: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    const measured = new Map<PeerName, Measured>();
    for (const name of rotated(work.peers, round)) {
      options.announce(`round ${round + 1} of ${rounds}, ${name}`);
      measured.set(name, await turn(work, name, options));
    }
    done.push(measured);
  }
  return done;
}

/** The same names, beginning with another one each round. */
export function rotated<T>(values: readonly T[], by: number): readonly T[] {
  const start = values.length === 0 ? 0 : by % values.length;
  return [...values.slice(start), ...values.slice(0, start)];
}

async function turn<Stage, P extends Peer, W extends Work<Stage, P>>(
  work: W,
  name: PeerName,
  { stage, seconds, pool, remark }: RoundsOptions<Stage, P, W>,
): Promise<Measured> {
  const peer = await pool.take(name, work);
  const measure = async (): Promise<Measured> => {
    const before = peer.pid === undefined ? undefined : await cpuSeconds(peer.pid);
    const sample = await work.sample(stage, peer, seconds);
    for (const text of sample.remarks ?? []) remark(`${name}: ${text}`);
    if (peer.pid === undefined || before === undefined || sample.count === undefined) return sample;
    const spent = (await cpuSeconds(peer.pid)) - before;
    return { ...sample, cpu: (spent * 1e6) / sample.count };
  };
  try {
    return await (work.around ? work.around(stage, peer, measure) : measure());
  } finally {
    await pool.giveBack(peer, work);
  }
}
