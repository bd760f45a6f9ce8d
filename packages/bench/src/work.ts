/** What is measured, in the order of the table's columns. */
export const peerNames = [
  "direct",
  "relay",
  "pgbouncer",
  "unmasked",
  "unheld",
  "standing",
  "gateway",
] as const;
export type PeerName = (typeof peerNames)[number];

/** A way to the server that is running. */
export interface Peer {
  readonly name: PeerName;
  /** The process that stands between client and server; the server itself has none there. */
  readonly pid?: number;
  /** The environment of a client of libpq's that takes this way. */
  clientEnvironment(level: Level): Readonly<Record<string, string>>;
  /** The port where people answer what is held, of a peer that has one. */
  readonly controlPort?: number;
  stop(): Promise<void>;
}

/** Who works: a role of the server's, and the gateway's level of that name. */
export type Role = "reader" | "writer";
export type Level = Role | MaskedLevel | MintedLevel | typeof heldLevel;

/** A level of the gateway's alone that changes what `writer` does, and waits for a person each time: policies/holds.yaml has it. */
export const heldLevel = "held";

/** Levels of the gateway's alone that read what `reader` does, each with masks of its own: policies/masks.yaml has them. */
export const maskedLevels = ["email", "redacted", "three", "hashed", "elsewhere", "detectors"] as const;
export type MaskedLevel = (typeof maskedLevels)[number];

/** Levels of the gateway's alone that read as `reader` does, each session as a user of its own: made ahead, made when it is asked for, or shared. */
export const mintedLevels = ["ready", "cold", "shared"] as const;
export type MintedLevel = (typeof mintedLevels)[number];

/** Who works at the server where this is asked for. */
export function roleOf(level: Level): Role {
  return level === "writer" || level === heldLevel ? "writer" : "reader";
}

/** How the bytes travel; what `plain` means for each peer is in the notes below the table. */
export type Transport = "tls" | "plain";

/**
 * What the gateway's figure is held against. `added`: what the gateway adds to direct, by what pgbouncer adds. `unmasked`: the
 * same gateway, where no rule masks. `unheld`: the same gateway, where nothing is held. `standing`: the same gateway, where the level's
 * user stands in the config. `itself`: the figure is looked at as it is.
 */
export type Against =
  | "pgbouncer"
  | "direct"
  | "relay"
  | "added"
  | "unmasked"
  | "unheld"
  | "standing"
  | "itself";

/** What a ratio has to be; one of the two. */
export type Wanted = { readonly atLeast: number } | { readonly atMost: number };

/** One line of the table. */
export interface Line {
  readonly name: string;
  readonly unit: "tps" | "rows/s" | "us" | "KB each" | "KB" | "s" | "a second" | "sessions" | "users";
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

/** One thing to do at each peer, in rounds. `Stage` is what a protocol's works need around them. */
export interface Work<Stage> {
  readonly name: string;
  readonly lines: readonly [Line, ...Line[]];
  readonly peers: readonly PeerName[];
  readonly transport: Transport;
  /** Works of the same set, one after the other, share their peers' processes. */
  readonly set: string;
  /** Its gateway has levels whose users are made for sessions: what keeps those ready is not in others' figures. */
  readonly minting?: true;
  /** Each sample gets processes of its own: what went before would show. */
  readonly fresh?: true;
  /** Most rounds that are worth their time; as many as the options say, when left out. */
  readonly rounds?: number;
  /** Makes what is there while it is measured, and takes it away again; neither is in the figures. */
  around?<T>(stage: Stage, peer: Peer, measure: () => Promise<T>): Promise<T>;
  /** @param seconds about how long; 1 to warm up */
  sample(stage: Stage, peer: Peer, seconds: number): Promise<Sample>;
}

/** Whether `ratio` is what is wanted. */
export function satisfies(ratio: number, wanted: Wanted | undefined): boolean {
  if (wanted === undefined) return true;
  return "atLeast" in wanted ? ratio >= wanted.atLeast : ratio <= wanted.atMost;
}
