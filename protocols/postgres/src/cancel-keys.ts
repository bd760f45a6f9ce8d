import { randomBytes, randomInt, timingSafeEqual } from "node:crypto";
import type { BackendKey } from "./codec/backend-key-data.ts";

/** Four bytes: what protocol 3.0 has room for. */
const KEY_LENGTH = 4;

/**
 * Cancel keys of the gateway's own making. A client's key opens its own session's cancel and nothing else;
 * the target's key stays with the gateway.
 */
export class CancelKeys {
  readonly #sessions = new Map<number, { readonly secretKey: Buffer; readonly cancel: () => void }>();

  /** A key for a session; `cancel` runs when a client presents it. */
  issue(cancel: () => void): BackendKey {
    const secretKey = randomBytes(KEY_LENGTH);
    let processId = 0;
    while (processId === 0 || this.#sessions.has(processId)) processId = randomInt(1, 0x7fff_ffff);
    this.#sessions.set(processId, { secretKey, cancel });
    return { processId, secretKey };
  }

  /** Cancels the session whose key this is. A wrong one is not answered, as PostgreSQL does not answer it. */
  present({ processId, secretKey }: BackendKey): void {
    const session = this.#sessions.get(processId);
    if (session?.secretKey.length === secretKey.length && timingSafeEqual(session.secretKey, secretKey)) {
      session.cancel();
    }
  }

  revoke({ processId }: BackendKey): void {
    this.#sessions.delete(processId);
  }
}
