import type { HashName } from "../key-derivation.ts";

/** One way to a secret that nobody on the network knows. Both sides' values are strings on the wire. */
export interface KexMethod {
  readonly hash: HashName;
  /** The client's part. */
  begin(): KexBegun;
  /**
   * The server's part.
   * @throws GatehouseError PROTOCOL_VIOLATION when the client's value is none that an honest client makes
   */
  answer(clientValue: Buffer): KexAnswer | Promise<KexAnswer>;
}

export interface KexBegun {
  readonly publicValue: Buffer;
  /**
   * The shared secret, as it is hashed.
   * @throws GatehouseError PROTOCOL_VIOLATION when the server's value is none that an honest server makes
   */
  readonly finish: (serverValue: Buffer) => Buffer | Promise<Buffer>;
}

export interface KexAnswer {
  readonly publicValue: Buffer;
  /** As it is hashed. */
  readonly secret: Buffer;
}
