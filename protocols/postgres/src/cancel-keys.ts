import { randomBytes, randomInt, timingSafeEqual } from "node:crypto";
import type { BackendKey } from "./codec/backend-key-data.ts";

/** Bytes of a secret key: what protocol 3.0 has room for, and what PostgreSQL gives from 3.2 on. */
const KEY_LENGTH = { short: 4, long: 32 } as const;

interface Entry {
  readonly secretKey: Buffer;
  readonly cancel: () => Promise<void>;
}

/**
 * Cancel keys of the gateway's own making. A client's key opens its own session's cancel and nothing else;
 * the target's key stays with the gateway. The process id is the target's, since clients compare it with what the
 * target says of its sessions; two targets may have the same.
 */
export class CancelKeys {
  readonly #sessions = new Map<number, Set<Entry>>();

  /**
   * A key for a session.
   * @param processId the target's, where it has said one
   * @param cancel runs when a client presents the key
   * @returns the key, and how to take it back
   */
  issue(
    length: keyof typeof KEY_LENGTH,
    processId: number | undefined,
    cancel: () => Promise<void>,
  ): { readonly key: BackendKey; readonly revoke: () => void } {
    const id = processId ?? randomInt(1, 0x7fff_ffff);
    const entries = this.#sessions.get(id) ?? new Set<Entry>();
    this.#sessions.set(id, entries);
    let secretKey = randomBytes(KEY_LENGTH[length]);
    while ([...entries].some((other) => other.secretKey.equals(secretKey))) {
      secretKey = randomBytes(KEY_LENGTH[length]);
    }
    const entry = { secretKey, cancel };
    entries.add(entry);
    const revoke = () => {
      entries.delete(entry);
      if (entries.size === 0 && this.#sessions.get(id) === entries) this.#sessions.delete(id);
    };
    return { key: { processId: id, secretKey }, revoke };
  }

  /**
   * Cancels the session whose key this is. A wrong one is not answered, as PostgreSQL does not answer it.
   * @returns resolves when the target has been told: a client that waits for the end of its cancel before it sends the
   * next command must not have that one cancelled
   */
  async present({ processId, secretKey }: BackendKey): Promise<void> {
    for (const entry of this.#sessions.get(processId) ?? []) {
      if (entry.secretKey.length === secretKey.length && timingSafeEqual(entry.secretKey, secretKey)) {
        await entry.cancel();
        return;
      }
    }
  }
}
