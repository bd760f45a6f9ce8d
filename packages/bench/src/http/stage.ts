import type { Peer, Work } from "../work.ts";
import type { Site, TargetName } from "./site.ts";

/** What the works need around them. */
export interface Stage {
  readonly site: Site;
}

/** What a client asks for. */
export interface Asked {
  readonly target: TargetName;
  /** At the target. */
  readonly path: string;
  /** At the gateway's level where data is masked. */
  readonly masked?: boolean;
}

/** A way to the targets. */
export interface HttpPeer extends Peer {
  /** Where a client asks for it by this way. */
  url(asked: Asked): string;
}

export type HttpWork = Work<Stage, HttpPeer>;
