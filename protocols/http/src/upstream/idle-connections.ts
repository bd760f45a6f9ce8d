import type { TargetConnection } from "./target-connection.ts";

/** Connections kept for each way into a target, at most, and the milliseconds for which one may be idle. */
const MOST = 64;
const IDLE = 15_000;

interface Idle {
  readonly connection: TargetConnection;
  readonly timer: NodeJS.Timeout;
}

/**
 * Connections to targets that have nothing to do. Whoever takes one puts its credential into each request, so that they are anybody's whose
 * session is at the same level; only one of them has a client certificate. A target that the config has anew is another one.
 */
export class IdleConnections {
  readonly #idle = new WeakMap<object, Map<string, Idle[]>>();
  readonly #all = new Set<TargetConnection>();

  /** One that was used last, since that is the least likely to be closed; undefined where there is none. */
  take(target: object, level: string): TargetConnection | undefined {
    const waiting = this.#idle.get(target)?.get(level) ?? [];
    for (let last = waiting.pop(); last !== undefined; last = waiting.pop()) {
      clearTimeout(last.timer);
      this.#all.delete(last.connection);
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
    const timer = setTimeout(() => {
      const at = waiting.findIndex((idle) => idle.connection === connection);
      if (at !== -1) waiting.splice(at, 1);
      this.#all.delete(connection);
      connection.destroy();
    }, IDLE);
    timer.unref();
    connection.rest();
    waiting.push({ connection, timer });
    this.#all.add(connection);
  }

  /** Closes them all. */
  close(): void {
    for (const connection of this.#all) connection.destroy();
    this.#all.clear();
  }
}
