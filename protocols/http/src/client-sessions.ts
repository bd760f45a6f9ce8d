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
/** Targets, levels and tokens that one connection may keep; the one that has been idle for longest makes room. */
const MOST = 16;

export interface ClientSessionsOptions {
  readonly gate: Gate;
  readonly client: Address;
  readonly clock: Clock;
  /** Aborts when the client has left with its connection: of the requests that wait for one log-in, some may be taken back. */
  readonly gone: AbortSignal;
  /** Called when the gateway has ended one of them. */
  readonly ended: () => void;
}

/** A session, or the log-in that it comes of. */
interface Entry {
  readonly login: Promise<LoginResult>;
  /** Requests that are under way in it, or wait for it. */
  uses: number;
  /** It is not found any more, and closes behind the last of its requests. */
  isRetired: boolean;
  session?: OpenSession;
  /** What the log-in has come to, where that is the session. */
  result?: LoginResult;
}

/**
 * The sessions of one client's connection: one for each target, level and token that its requests come with. Requests that come at once
 * share one log-in; a session is busy from the first of its requests to the end of the last, and is not closed meanwhile to make room.
 */
export class ClientSessions {
  readonly #options: ClientSessionsOptions;
  /** In the order in which they were last used. */
  readonly #entries = new Map<string, Entry>();
  /** All that are open, also those that are not found any more. */
  readonly #open = new Map<OpenSession, Entry>();
  #last: Record<"target" | "level" | "token" | "key", string> | undefined;
  #closed: { readonly end: SessionEnd; readonly detail: string | undefined } | undefined;

  constructor(options: ClientSessionsOptions) {
    this.#options = options;
  }

  /**
   * The session of a request, which is busy until it is told to be `done`. The token is looked at again when what it proves has ended, and never
   * kept longer than the connection.
   * @param application what the client's program calls itself
   */
  async of(
    { target, level = DEFAULT_LEVEL }: Place,
    token: string,
    application: string,
  ): Promise<LoginResult> {
    const key = this.#keyOf(target, level, token);
    const known = this.#entries.get(key);
    if (known && !this.#isGood(known)) this.#retire(key, known);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      const { gate, client, gone } = this.#options;
      const asked = { protocol: "http", credential: { token }, target, level, client, application, gone };
      entry = { login: gate.login(asked), uses: 0, isRetired: false };
      this.#entries.set(key, entry);
    }
    // Before anything is waited for: it is in use from here on, and the one that was used last.
    entry.uses++;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const result = entry.result ?? (await this.#entered(key, entry));
    if (result.ok) result.session.activity("busy");
    return result;
  }

  /** A request that has had this session from `of` is over. */
  done(session: OpenSession): void {
    const entry = this.#open.get(session);
    if (entry === undefined || --entry.uses > 0) return;
    session.activity("idle");
    if (entry.isRetired) void this.#close(session, "expired");
    else this.#makeRoom();
  }

  /** Closes them all. */
  async close(end: SessionEnd, detail?: string): Promise<void> {
    this.#closed = { end, detail };
    this.#entries.clear();
    await Promise.all([...this.#open.keys()].map((session) => this.#close(session, end, detail)));
  }

  /** Keeps what a log-in has given, once; or forgets it, so that the next request tries again. */
  async #entered(key: string, entry: Entry): Promise<LoginResult> {
    let result: LoginResult | undefined;
    try {
      result = await entry.login;
    } finally {
      if (result?.ok !== true && this.#entries.get(key) === entry) this.#entries.delete(key);
    }
    if (!result.ok || entry.session) return result;
    const { session } = result;
    entry.session = session;
    entry.result = result;
    this.#open.set(session, entry);
    this.#makeRoom();
    const { ended } = session;
    const over = () => this.#end(key, session);
    if (ended.aborted) over();
    else ended.addEventListener("abort", over, { once: true });
    // The connection was over before its log-in was.
    if (this.#closed) await this.#close(session, this.#closed.end, this.#closed.detail);
    return result;
  }

  /** One that the gateway ends is over at once: whatever it waits for, or nothing. */
  #end(key: string, session: OpenSession): void {
    if (this.#entries.get(key)?.session === session) this.#entries.delete(key);
    const refusal = session.ended.reason as Refusal;
    void this.#close(session, endOf(refusal), refusal.message);
    this.#options.ended();
  }

  /** Most connections come with one: its key is not made again, nor looked through for its hash. */
  #keyOf(target: string, level: string, token: string): string {
    const last = this.#last;
    if (last?.target === target && last.level === level && last.token === token) return last.key;
    const key = JSON.stringify([target, level, token]);
    this.#last = { target, level, token, key };
    return key;
  }

  #isGood({ session }: Entry): boolean {
    if (session === undefined) return true;
    return !session.ended.aborted && this.#options.clock.now() < session.session.identity.expiresAt;
  }

  /** It is not found any more, and closes with the last of its requests. */
  #retire(key: string, entry: Entry): void {
    this.#entries.delete(key);
    entry.isRetired = true;
    if (entry.session && entry.uses === 0) void this.#close(entry.session, "expired");
  }

  /** What is in use stays: more are open for as long as so many are used at once. */
  #makeRoom(): void {
    for (const [key, { session, uses }] of this.#entries) {
      if (this.#entries.size <= MOST) return;
      if (session === undefined || uses > 0) continue;
      this.#entries.delete(key);
      void this.#close(session, "client_closed");
    }
  }

  async #close(session: OpenSession, end: SessionEnd, detail?: string): Promise<void> {
    this.#open.delete(session);
    await session.close(end, detail);
  }
}
