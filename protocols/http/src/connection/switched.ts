import type { Duplex } from "node:stream";

/** A connection on which another protocol is spoken from here on, for whoever speaks it (RFC 9110, section 7.8). */
export interface Switched {
  readonly socket: Duplex;
  /** What has been read of it. */
  readonly early: Buffer;
}
