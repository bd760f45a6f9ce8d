import type { Peer, Work } from "../work.ts";
import type { Level } from "./levels.ts";
import type { Server } from "./server.ts";
import type { Site } from "./site.ts";

/** What the works need around them. */
export interface Stage {
  readonly site: Site;
  readonly server: Server;
}

/** A way to the server that is running. */
export interface PostgresPeer extends Peer {
  /** The environment of a client of libpq's that takes this way. */
  clientEnvironment(level: Level): Readonly<Record<string, string>>;
  /** The port where people answer what is held, of a peer that has one. */
  readonly controlPort?: number;
}

/** How the bytes travel; what `plain` means for each peer is in the notes below the table. */
export type Transport = "tls" | "plain";

export interface PostgresWork extends Work<Stage, PostgresPeer> {
  readonly transport: Transport;
  /** Its gateway has levels whose users are made for sessions: what keeps those ready is not in others' figures. */
  readonly minting?: true;
}
