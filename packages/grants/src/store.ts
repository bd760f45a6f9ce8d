import type { Grant } from "@gatehouse/core";

/** Where grants are kept, so that they outlive the process. Calls are durable when they return. */
export interface GrantStore {
  /**
   * Writes one, new or taken back.
   * @throws GatehouseError STORE_FAILED
   */
  save(grant: Grant): void;
  get(id: string): Grant | undefined;
  /** Those that neither their time nor anybody has ended, the oldest first. @param now milliseconds since the epoch */
  living(now: number): readonly Grant[];
  /** Removes those that have ended before a time. @returns how many */
  forget(endedBefore: number): number;
  close(): void;
}
