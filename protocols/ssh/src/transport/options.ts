import type { Duplex } from "node:stream";
import { type Agreed, type Algorithms, defaultHostKeyAlgorithms } from "./algorithms.ts";
import type { HostKey, Party, VerifyHost } from "./party.ts";

/** When the keys are changed: after so much in either direction (RFC 4253 section 9, RFC 4344 section 3). */
export interface RekeyTerms {
  readonly bytes: number;
  readonly packets: number;
  /** Milliseconds. */
  readonly after: number;
  /** Milliseconds that a key exchange may take; two minutes when left out. */
  readonly within?: number;
}

export const defaultRekeyTerms: RekeyTerms = { bytes: 1024 ** 3, packets: 2 ** 31, after: 3_600_000 };

export interface TransportOptions {
  readonly socket: Duplex;
  /** Name and version of this side's software: printable ASCII without blanks or `-`. */
  readonly software: string;
  readonly algorithms: Algorithms;
  readonly rekey?: RekeyTerms;
  /** Ends the first key exchange, and has no meaning after. */
  readonly signal: AbortSignal;
}

export interface ServerOptions extends TransportOptions {
  readonly role: "server";
  readonly hostKeys: readonly HostKey[];
  /** Told to clients that want to know (RFC 8308), such as `server-sig-algs`. */
  readonly extensions?: ReadonlyMap<string, Uint8Array>;
}

export interface ClientOptions extends TransportOptions {
  readonly role: "client";
  readonly verifyHost: VerifyHost;
  /** What to ask the server for, best first; all that are known when left out. */
  readonly hostKeyAlgorithms?: readonly string[];
}

/** What is known of the other side. */
export interface Peer {
  /** Its identification, without the end of the line. */
  readonly identification: string;
  readonly algorithms: Agreed;
  /** Both sides count packets anew with new keys, and take nothing else while they are first made. */
  readonly strict: boolean;
  /** What it has said of itself (RFC 8308); before it is let in, it may still come. */
  readonly extensions: ReadonlyMap<string, Buffer>;
}

/** This side of all key exchanges. */
export function partyOf(options: ServerOptions | ClientOptions): Party {
  const { algorithms } = options;
  if (options.role === "server") return { role: "server", algorithms, hostKeys: options.hostKeys };
  const { verifyHost, hostKeyAlgorithms = defaultHostKeyAlgorithms } = options;
  return { role: "client", algorithms, verifyHost, hostKeyAlgorithms };
}
