import type { Peer, Work } from "../work.ts";
import type { Site } from "./site.ts";

/** What the works need around them. */
export interface Stage {
  readonly site: Site;
}

/** What a client asks for at the target. */
export interface Asked {
  readonly command: string;
  /** It wants a terminal. */
  readonly terminal?: boolean;
  /** At the gateway's level where secrets are masked. */
  readonly masked?: boolean;
}

/** A way to the target. */
export interface SshPeer extends Peer {
  /** The arguments of the `ssh` that has something run at the target by this way. */
  ssh(asked: Asked): readonly string[];
  /** A program that `sftp -S` calls in place of ssh. */
  readonly sftpProgram: string;
}

export type SshWork = Work<Stage, SshPeer>;
