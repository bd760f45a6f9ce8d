import type { Approval, ApprovalState } from "@gatehouse/core";

/** Where approvals are kept, so that they outlive the process. Calls are durable when they return. */
export interface ApprovalStore {
  /**
   * Writes one, new or changed.
   * @throws GatehouseError STORE_FAILED
   */
  save(approval: Approval): void;
  get(id: string): Approval | undefined;
  /** Those that a gateway which ended had not brought to an end: open ones, and spent ones without an outcome. */
  unfinished(): readonly Approval[];
  /**
   * The newest first.
   * @param before those that were asked for before this one alone
   */
  list(query: {
    readonly states?: readonly ApprovalState[];
    readonly before?: string;
    readonly limit: number;
  }): readonly Approval[];
  /** Removes those that have ended before a time. @returns how many */
  forget(endedBefore: number): number;
  close(): void;
}
