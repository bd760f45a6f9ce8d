import type { RevocationReason } from "@gatehouse/core";

/** What is at a target, or may be, until it is known to be gone. It holds no secret. */
export interface LeaseRecord {
  /** `minted`: a user that the gateway makes. `issued`: one that a Vault-style engine does. */
  readonly kind: "minted" | "issued";
  readonly target: string;
  /** What it is taken back by: the user's name, or the engine's id of the lease. */
  readonly id: string;
  readonly level: string;
  /** The run that has it. */
  readonly epoch: string;
  /**
   * `intended`: it is about to be made, and may be there. `ready`: it waits for a session. `leased`: a session has it.
   * `revoking`: nobody has it any more.
   */
  readonly state: "intended" | "ready" | "leased" | "revoking";
  /** Where it was made: `host:port` of the target then, so that a name is not looked for at another server. */
  readonly addresses: readonly string[];
  readonly session?: string;
  readonly subject?: string;
  /** Of one that is being taken back. */
  readonly why?: RevocationReason;
}

export type LeaseKey = Pick<LeaseRecord, "kind" | "target" | "id">;

/** Where leases are kept, so that what they stand for outlives no process unseen. Calls are durable when they return. */
export interface LeaseStore {
  /**
   * Notes that a run has begun, so that the loss of power does not undo it.
   * @returns the epochs of the runs before it, none of which goes on: the store is one process's at a time
   * @throws GatehouseError STORE_FAILED: also where that epoch was there before
   */
  begin(epoch: string): readonly string[];
  /**
   * All or nothing.
   * @throws GatehouseError STORE_FAILED
   */
  write(change: { readonly save?: readonly LeaseRecord[]; readonly forget?: readonly LeaseKey[] }): void;
  /** All that are not forgotten. */
  all(): readonly LeaseRecord[];
  close(): void;
}
