import type { Approval, VoidReason, Waited } from "@gatehouse/core";
import { type ApprovalEvent, next, type Phase, phaseOf, stateOf } from "./machine.ts";
import { usableUntil } from "./record.ts";

/**
 * One approval of this process: its record, and its changes, which are made one after the other: the next one looks
 * at what the one before has come to.
 */
export class Entry {
  approval: Approval;
  /** What a yes to it is good for beside its own command; undefined where that is nothing. */
  readonly key: string | undefined;
  /** It is on the audit log and in the store: others may see it. */
  recorded = false;
  /** Others were told that it was asked for. */
  announced = false;
  /** What was said to one alike is being put on record for it. */
  following = false;
  /** Its end is being put on record, since its time is over. */
  expiring = false;
  /** From here on it can't be let through, be its end on record or not. */
  stopped: VoidReason | undefined;
  /** By what its command was let through: nothing else can tell what became of it. */
  spentBy: Waited | undefined;
  /** What became of its command was told. */
  told = false;
  readonly #ended = Promise.withResolvers<void>();
  #changes: Promise<unknown> = Promise.resolve();

  constructor(approval: Approval, key: string | undefined) {
    this.approval = approval;
    this.key = key;
  }

  get phase(): Phase {
    return phaseOf(this.approval);
  }

  /** Nobody has decided on it yet. */
  get waits(): boolean {
    return this.phase === "pending" && this.stopped === undefined;
  }

  /**
   * When its time is over, in milliseconds since the epoch: to be answered, or, of a detached one, to be run. Infinity
   * where nothing has to be done then.
   */
  get due(): number {
    if (this.stopped !== undefined || this.expiring) return Infinity;
    if (this.phase === "pending") return this.approval.expiresAt;
    return this.phase === "approved" && this.approval.detached ? usableUntil(this.approval) : Infinity;
  }

  /** Resolves when there is nothing to wait for any more. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Makes a change when those before it are done with, whatever has become of them. */
  change<T>(make: () => Promise<T>): Promise<T> {
    const made = this.#changes.then(make);
    this.#changes = made.catch(() => undefined);
    return made;
  }

  /** Resolves when all changes that were asked for so far are done with. */
  async settled(): Promise<void> {
    await this.#changes;
  }

  /** The record as an event makes it; undefined where the event can't happen. */
  after(
    event: ApprovalEvent,
    now: number,
    changes: Partial<Pick<Approval, "answers" | "why" | "outcome">> = {},
  ): Approval | undefined {
    const phase = next(this.phase, event);
    if (phase === undefined) return undefined;
    const changedAt = phase === this.phase ? this.approval.changedAt : now;
    return { ...this.approval, ...changes, state: stateOf(phase), changedAt };
  }

  /** Takes a new record: from here on it is in effect. */
  become(approval: Approval): void {
    this.approval = approval;
    if (this.phase !== "pending") this.#ended.resolve();
  }
}
