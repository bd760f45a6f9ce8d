import {
  type Address,
  type Clock,
  endOf,
  type Gate,
  type LoginResult,
  type OpenSession,
  type Refusal,
  type SessionEnd,
} from "@gatehouse/core";
import type { Place } from "./place.ts";

/** The level that is meant where a client says none. */
const DEFAULT_LEVEL = "default";
/** Targets, levels and tokens that one connection may have in use; the one that has been idle for longest makes room. */
const MOST = 16;

export interface ClientSessionsOptions {
  readonly gate: Gate;
  readonly client: Address;
  readonly clock: Clock;
  /** Called when the gateway has ended one of them. */
  readonly ended: () => void;
}

/** The sessions of one client's connection: one for each target, level and token that its requests come with. */
export class ClientSessions {
  readonly #options: ClientSessionsOptions;
  /** In the order in which they were last used. */
  readonly #open = new Map<string, OpenSession>();

  constructor(options: ClientSessionsOptions) {
    this.#options = options;
  }

  /**
   * The session of a request. The token is looked at again when what it proves has ended, and never kept longer than the connection.
   * @param application what the client's program calls itself
   * @param gone aborts when the client has left
   */
  async of(
    { target, level = DEFAULT_LEVEL }: Place,
    token: string,
    { application, gone }: { readonly application: string; readonly gone: AbortSignal },
  ): Promise<LoginResult> {
    const key = JSON.stringify([target, level, token]);
    const known = this.#open.get(key);
    this.#open.delete(key);
    if (known && (await this.#isGood(known))) {
      this.#open.set(key, known);
      return { ok: true, session: known };
    }
    const { gate, client } = this.#options;
    const result = await gate.login({
      ...{ protocol: "http", credential: { token }, target, level, client, application, gone },
    });
    if (result.ok) {
      await this.#makeRoom();
      this.#open.set(key, result.session);
      this.#follow(key, result.session);
    }
    return result;
  }

  /** Closes them all. */
  async close(end: SessionEnd, detail?: string): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(all.map((session) => session.close(end, detail)));
  }

  /** One that the gateway ends is over at once: whatever it waits for, or nothing. */
  #follow(key: string, session: OpenSession): void {
    const { ended } = session;
    const over = () => {
      if (this.#open.get(key) === session) this.#open.delete(key);
      const refusal = ended.reason as Refusal;
      void session.close(endOf(refusal), refusal.message);
      this.#options.ended();
    };
    if (ended.aborted) over();
    else ended.addEventListener("abort", over, { once: true });
  }

  async #isGood(session: OpenSession): Promise<boolean> {
    if (session.ended.aborted) return false;
    if (this.#options.clock.now() < session.session.identity.expiresAt) return true;
    await session.close("expired");
    return false;
  }

  async #makeRoom(): Promise<void> {
    for (const [key, session] of this.#open) {
      if (this.#open.size < MOST) return;
      this.#open.delete(key);
      await session.close("client_closed");
    }
  }
}
