import type { TargetConnection } from "./target-connection.ts";

/** Connections kept for each way into a target, at most, and the milliseconds for which one may be idle. */
const MOST = 64;
const IDLE = 15_000;

/** A connection, and the time that it is idle: wound up again each time, since most are taken long before it is over. */
interface Idle {
  readonly connection: TargetConnection;
  readonly timer: NodeJS.Timeout;
  isIdle: boolean;
}

/**
 * Connections to targets that have nothing to do. Whoever takes one puts its credential into each request, so that they are anybody's whose
 * session is at the same level; only one of them has a client certificate. A target that the config has anew is another one.
 */
export class IdleConnections {
  readonly #idle = new WeakMap<object, Map<string, Idle[]>>();
  /** Those of the last seconds, also where they are in use again. */
  readonly #known = new Map<TargetConnection, Idle>();

  /** One that was used last, since that is the least likely to be closed; undefined where there is none. */
  take(target: object, level: string): TargetConnection | undefined {
    const waiting = this.#idle.get(target)?.get(level) ?? [];
    for (let last = waiting.pop(); last !== undefined; last = waiting.pop()) {
      last.isIdle = false;
      if (last.connection.isUsable) return last.connection;
      last.connection.destroy();
    }
    return undefined;
  }

  /** Keeps one for the next request. */
  put(target: object, level: string, connection: TargetConnection): void {
    const levels = this.#idle.get(target) ?? new Map<string, Idle[]>();
    this.#idle.set(target, levels);
    const waiting = levels.get(level) ?? [];
    levels.set(level, waiting);
    if (waiting.length >= MOST || !connection.isUsable) {
      connection.destroy();
      return;
    }
    const idle = this.#known.get(connection) ?? this.#meet(connection, waiting);
    idle.timer.refresh();
    idle.isIdle = true;
    connection.rest();
    waiting.push(idle);
  }

  /** Closes them all. */
  close(): void {
    for (const { connection, timer, isIdle } of this.#known.values()) {
      clearTimeout(timer);
      if (isIdle) connection.destroy();
    }
    this.#known.clear();
  }

  #meet(connection: TargetConnection, waiting: Idle[]): Idle {
    const timer = setTimeout(() => {
      this.#known.delete(connection);
      if (!idle.isIdle) return;
      waiting.splice(waiting.indexOf(idle), 1);
      connection.destroy();
    }, IDLE);
    timer.unref();
    const idle: Idle = { connection, timer, isIdle: false };
    this.#known.set(connection, idle);
    return idle;
  }
}
