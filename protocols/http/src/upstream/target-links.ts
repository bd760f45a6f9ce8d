import type { OpenSession, Target } from "@gatehouse/core";
import { TargetSession } from "../h2/target-session.ts";
import { settingsOf } from "../settings.ts";
import { IdleConnections } from "./idle-connections.ts";
import { dialTarget, type HttpProtocol, TargetConnection } from "./target-connection.ts";
import type { TargetLink } from "./target-link.ts";

/** What is known of HTTP/2 at one level of a target. */
interface Shared {
  readonly sessions: Set<TargetSession>;
  /** One is on its way. */
  dialing: Promise<TargetLink> | undefined;
  /** It speaks HTTP/1.1, or did so the last time. */
  isOld: boolean;
}

/**
 * The ways to all targets: connections of HTTP/1.1 that have nothing to do, and those of HTTP/2 that many use at once. Whoever takes one puts its
 * credential into each request, so that they are anybody's whose session is at the same level.
 */
export class TargetLinks {
  readonly #idle = new IdleConnections();
  readonly #shared = new WeakMap<Target, Map<string, Shared>>();
  readonly #sessions = new Set<TargetSession>();

  /** One that is there already; undefined where there is none. */
  take({ session: { target, level } }: OpenSession): TargetLink | undefined {
    const { sessions } = this.#of(target, level.name);
    for (const session of sessions) {
      const stream = session.take();
      if (stream) return stream;
    }
    return this.#idle.take(target, level.name);
  }

  /**
   * One more. Of a target that may speak HTTP/2, one connection is made for all who want one at the same time.
   * @param keepalive milliseconds after which TCP asks a silent target whether it is still there
   * @throws as `dialTarget` does
   */
  async connect(open: OpenSession, keepalive: number): Promise<TargetLink> {
    const { target, level } = open.session;
    const shared = this.#of(target, level.name);
    while (shared.dialing && !shared.isOld) {
      await shared.dialing;
      for (const session of shared.sessions) {
        const stream = session.take();
        if (stream) return stream;
      }
    }
    const dialing = this.#dial(open, keepalive, shared);
    shared.dialing = dialing;
    try {
      return await dialing;
    } finally {
      if (shared.dialing === dialing) shared.dialing = undefined;
    }
  }

  /** One of HTTP/1.1 for one request alone, which may change its protocol. @throws as `dialTarget` does */
  async connectAlone({ session, lease }: OpenSession, keepalive: number): Promise<TargetLink> {
    const { socket } = await dialTarget(session.target, lease, { keepalive, alpn: ["http/1.1"] });
    return new TargetConnection(socket);
  }

  /** Keeps one of HTTP/1.1 for the next request. */
  put({ session: { target, level } }: OpenSession, link: TargetLink): void {
    if (link instanceof TargetConnection) this.#idle.put(target, level.name, link);
    else link.destroy();
  }

  /** Closes them all. */
  close(): void {
    this.#idle.close();
    for (const session of this.#sessions) session.destroy();
  }

  async #dial({ session, lease }: OpenSession, keepalive: number, shared: Shared): Promise<TargetLink> {
    const { target } = session;
    const alpn: readonly HttpProtocol[] = settingsOf(target).http2 ? ["h2", "http/1.1"] : ["http/1.1"];
    const { socket, protocol } = await dialTarget(target, lease, { keepalive, alpn });
    shared.isOld = protocol !== "h2";
    if (shared.isOld) return new TargetConnection(socket);
    const opened = new TargetSession(socket, () => {
      this.#sessions.delete(opened);
      shared.sessions.delete(opened);
    });
    this.#sessions.add(opened);
    shared.sessions.add(opened);
    const stream = opened.take();
    if (stream === undefined) throw new TypeError("A new connection has no room.");
    return stream;
  }

  #of(target: Target, level: string): Shared {
    const levels = this.#shared.get(target) ?? new Map<string, Shared>();
    this.#shared.set(target, levels);
    const isOld = target.tls.mode === "off" || !settingsOf(target).http2;
    const shared = levels.get(level) ?? { sessions: new Set(), dialing: undefined, isOld };
    levels.set(level, shared);
    return shared;
  }
}
