import { type ClientHttp2Session, type ClientHttp2Stream, connect, type Settings } from "node:http2";
import type { Socket } from "node:net";
import { LIST_LIMIT } from "./header-list.ts";
import { TargetStream } from "./target-stream.ts";

/** Requests at once on one connection, at most, whatever the target says. */
const MOST_STREAMS = 100;
/** Milliseconds for which one may be idle. */
const IDLE = 15_000;
/** Milliseconds of silence after which a target is asked whether it is still there, and how often again: targets take more for an attack. */
const SILENT = 30_000;
const PING_AGAIN = 300_000;
/** Milliseconds in which it has to answer that. */
const PONG = 15_000;

const BOUNDS = {
  // Nothing of one client's request is kept where another's could be told to be the same by its length.
  maxDeflateDynamicTableSize: 0,
  maxHeaderListPairs: 256,
  maxSendHeaderBlockLength: 128 * 1024,
  // Megabytes of all that the library keeps for a connection.
  maxSessionMemory: 32,
  peerMaxConcurrentStreams: MOST_STREAMS,
  // What is wrong with a field is seen here.
  strictFieldWhitespaceValidation: false,
  strictSingleValueFields: false,
  settings: { enablePush: false, initialWindowSize: 256 * 1024, maxHeaderListSize: LIST_LIMIT },
};

/** A connection of HTTP/2 to a target, for the requests of all whose sessions are at the same level (RFC 9113). */
export class TargetSession {
  readonly #session: ClientHttp2Session;
  readonly #socket: Socket;
  /** Requests that have a place on it. */
  #open = 0;
  #most = MOST_STREAMS;
  /** Of a target that goes, the last request that it has looked at. */
  #last = Number.POSITIVE_INFINITY;
  #idle: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;

  /** @param socket on which it has been agreed */
  constructor(socket: Socket, closed: () => void) {
    this.#socket = socket;
    const session = connect("https://target.invalid", { ...BOUNDS, createConnection: () => socket });
    this.#session = session;
    // The library says it of one that was destroyed meanwhile, too.
    session.once("connect", () => {
      if (!session.destroyed) session.setLocalWindowSize(1024 * 1024);
    });
    session.on("remoteSettings", ({ maxConcurrentStreams = MOST_STREAMS }: Settings) => {
      this.#most = Math.min(maxConcurrentStreams, MOST_STREAMS);
    });
    session.on("goaway", (_code: number, last: number) => {
      this.#last = last;
    });
    // Whoever has a request on it learns of it there.
    session.on("error", () => undefined);
    session.once("close", () => {
      clearTimeout(this.#idle);
      clearInterval(this.#watch);
      socket.destroy();
      closed();
    });
    this.#rest();
  }

  /** A place for one more request; undefined where there is none. */
  take(): TargetStream | undefined {
    const session = this.#session;
    if (session.closed || session.destroyed || this.#open >= this.#most) return undefined;
    clearTimeout(this.#idle);
    if (this.#open++ === 0) this.#watchOver();
    return new TargetStream(this);
  }

  request(list: readonly string[], endStream: boolean): ClientHttp2Stream {
    return this.#session.request(list, { endStream });
  }

  /** A place is given back. */
  done(): void {
    if (--this.#open === 0) this.#rest();
  }

  /** Whether the target is certain not to have looked at a request (RFC 9113, section 6.8). @param id undefined where it was not sent */
  isPassedOver(id: number | undefined): boolean {
    return id === undefined || id > this.#last;
  }

  destroy(): void {
    this.#session.destroy();
  }

  #rest(): void {
    clearInterval(this.#watch);
    this.#idle = setTimeout(() => this.#session.close(), IDLE);
    this.#idle.unref();
  }

  /** A target that has gone without a word is seen where nobody sends it anything. */
  #watchOver(): void {
    let heard = -1;
    let asked = Number.NEGATIVE_INFINITY;
    this.#watch = setInterval(() => {
      const { bytesRead } = this.#socket;
      const now = performance.now();
      if (bytesRead === heard && now - asked >= PING_AGAIN && !this.#session.destroyed) {
        asked = now;
        const late = setTimeout(() => this.#session.destroy(), PONG);
        late.unref();
        this.#session.ping(() => clearTimeout(late));
      }
      heard = bytesRead;
    }, SILENT);
    this.#watch.unref();
  }
}
