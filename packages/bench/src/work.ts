/** What is measured, in the order of the table's columns. */
export const peerNames = [
  "direct",
  "relay",
  "pgbouncer",
  "nginx",
  "node",
  "unmasked",
  "unheld",
  "standing",
  "bastion",
  "gateway",
] as const;
export type PeerName = (typeof peerNames)[number];

/** What is measured, and is running. */
export interface Peer {
  readonly name: PeerName;
  /** The process that stands between client and server; the server itself has none there. */
  readonly pid?: number;
  stop(): Promise<void>;
}

/**
 * What the gateway's figure is held against. `added`: what the gateway adds to direct, by what pgbouncer adds. `unmasked`: the
 * same gateway, where no rule masks. `unheld`: the same gateway, where nothing is held. `standing`: the same gateway, where the level's
 * user stands in the config. `beyond ...`: a figure of which it is not a part but how much more it is. `itself`: the figure is looked
 * at as it is.
 */
export type Against =
  | "pgbouncer"
  | "nginx"
  | "direct"
  | "relay"
  | "added"
  | "unmasked"
  | "unheld"
  | "standing"
  | "bastion"
  | "beyond bastion"
  | "beyond direct"
  | "beyond unmasked"
  | "itself";

/** What a ratio has to be; one of the two. */
export type Wanted = { readonly atLeast: number } | { readonly atMost: number };

/** One line of the table. */
export interface Line {
  readonly name: string;
  readonly unit:
    | "tps"
    | "requests/s"
    | "tokens/s"
    | "rows/s"
    | "MB/s"
    | "us"
    | "ms"
    | "KB each"
    | "KB"
    | "s"
    | "a second"
    | "sessions"
    | "users";
  readonly against: Against;
  /** Left out where the figure is only to be known. */
  readonly wanted?: Wanted;
}

/** What one run at one peer gave. */
export interface Sample {
  /** A figure for each line of the work, in their order. */
  readonly figures: readonly number[];
  /** How many transactions, rows, ... the run had; left out where CPU time for each means nothing. */
  readonly count?: number;
  /** What went wrong in it without making its figures worthless; for whoever watches. */
  readonly remarks?: readonly string[];
}

/** One thing to do at each peer, in rounds. `Stage` is what a protocol's works need around them, `P` how they reach a peer. */
export interface Work<Stage, P extends Peer> {
  readonly name: string;
  readonly lines: readonly [Line, ...Line[]];
  readonly peers: readonly PeerName[];
  /** Works of the same set, one after the other, share their peers' processes. */
  readonly set: string;
  /** Each sample gets processes of its own: what went before would show. */
  readonly fresh?: true;
  /** Most rounds that are worth their time; as many as the options say, when left out. */
  readonly rounds?: number;
  /** Makes what is there while it is measured, and takes it away again; neither is in the figures. */
  around?<T>(stage: Stage, peer: P, measure: () => Promise<T>): Promise<T>;
  /** @param seconds about how long; 1 to warm up */
  sample(stage: Stage, peer: P, seconds: number): Promise<Sample>;
}

/** Whether `ratio` is what is wanted. */
export function satisfies(ratio: number, wanted: Wanted | undefined): boolean {
  if (wanted === undefined) return true;
  return "atLeast" in wanted ? ratio >= wanted.atLeast : ratio <= wanted.atMost;
}
