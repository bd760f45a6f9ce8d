import type { Lease, LeaseRequest } from "@gatehouse/core";
import type { LeaseRecord } from "./lease-store.ts";

/** Issues leases of one kind, and takes them back. `Terms` are what a level says of them. */
export interface LeaseKind<Terms> {
  /** Before anything else: takes back what earlier runs have left of this kind, as soon as that can be done. */
  recover(left: readonly LeaseRecord[]): void;
  /** @throws GatehouseError: nothing is left of what was begun, or it will be taken back */
  acquire(request: LeaseRequest, terms: Terms): Promise<Lease>;
  /** Does what is due, as a timer does by itself. Resolves when all that is under way has ended; never rejects. */
  sweep(): Promise<void>;
  /**
   * Issues no more, and takes back what has been released.
   * @param grace milliseconds; what is not taken back then is for the next run, which finds it in the store
   */
  close(grace: number): Promise<void>;
}

/** The kind whose credentials a secrets engine issues; `Terms` are the path by which it is asked for one. */
export interface IssuedKind extends LeaseKind<string> {
  /** What keeps them from being taken back, for the operator; undefined where nothing does. */
  readonly trouble: string | undefined;
}
