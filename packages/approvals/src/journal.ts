import {
  type Approval,
  type AuditEvent,
  type AuditLog,
  GatehouseError,
  type Logger,
  messageOf,
} from "@gatehouse/core";
import type { ApprovalStore } from "./store.ts";

interface JournalOptions {
  readonly audit: AuditLog;
  readonly store: ApprovalStore;
  readonly log: Logger;
}

/**
 * Puts on record what happens to approvals. What lets something through has to be on record first. What ends an
 * approval is put on record where that can be done, and happens all the same where it can't.
 */
export class Journal {
  readonly #options: JournalOptions;
  /** The newest of those that the store did not take, though it has them: what it has is out of date. */
  readonly #unsaved = new Map<string, Approval>();

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /**
   * One after the other, so that what comes of people's words is never on the log without them.
   * @throws GatehouseError AUDIT_FAILED: not all of them are on the audit log, and nothing rests on any
   */
  async append(...events: readonly AuditEvent[]): Promise<void> {
    try {
      for (const event of events) await this.#options.audit.append(event);
    } catch (cause) {
      throw new GatehouseError("AUDIT_FAILED", "It could not be put on the audit log, so it has no effect.", {
        hint: "Try again; if it goes on, tell whoever runs the gateway.",
        cause,
      });
    }
  }

  /** @throws GatehouseError STORE_FAILED */
  save(approval: Approval): void {
    this.#options.store.save(approval);
    this.#unsaved.delete(approval.id);
  }

  /** For what happens all the same. @returns whether it is on the audit log */
  async tryAppend(approval: string, event: AuditEvent): Promise<boolean> {
    try {
      await this.append(event);
      return true;
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      this.#options.log.error(
        { approval, event: event.type, error: messageOf(cause ?? error) },
        "audit failed: what ends an approval happens all the same",
      );
      return false;
    }
  }

  /** For what happens all the same: it is tried again by `retry`. */
  trySave(approval: Approval): void {
    try {
      this.save(approval);
    } catch (error) {
      this.#unsaved.set(approval.id, approval);
      const { id, state } = approval;
      this.#options.log.error({ approval: id, state, error: messageOf(error) }, "an approval was not saved");
    }
  }

  /** An approval that is known here alone, since the store did not take it. */
  unsaved(id: string): Approval | undefined {
    return this.#unsaved.get(id);
  }

  get allUnsaved(): readonly Approval[] {
    return [...this.#unsaved.values()];
  }

  retry(): void {
    for (const approval of this.#unsaved.values()) this.trySave(approval);
  }
}
