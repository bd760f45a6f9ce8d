import {
  constants,
  type ServerSessionOptions,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { messageOf } from "@gatehouse/core";
import { hangUp } from "@gatehouse/wire";
import type { ClientConnectionOptions } from "../client-connection.ts";
import { ClientSessions } from "../client-sessions.ts";
import { Malformed } from "../codec/malformed.ts";
import { Deadline } from "../connection/deadline.ts";
import { Requests } from "../requests.ts";
import { Allowance } from "./allowance.ts";
import { Http2Exchange } from "./client-exchange.ts";
import { LIST_LIMIT } from "./header-list.ts";
import { readRequestHead } from "./request-head.ts";
import { answer, isOver } from "./server-stream.ts";

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/** Milliseconds that a connection may be idle between two requests. */
const IDLE = 75_000;
/** Milliseconds in which a client that was told that it is over has to take that in. */
const PATIENCE = 5000;
/** Requests of a connection at once. */
const MOST_STREAMS = 100;
/** Bytes of a body that may be on their way unasked, for each request: before anybody was let in, and from then on. */
const FIRST_WINDOW = 65_535;
const WINDOW = 256 * 1024;
const CONNECTION_WINDOW = 1024 * 1024;

/**
 * What a client may do in so many milliseconds: begin requests that come to nothing (rapid reset, CVE-2023-44487, and its kind, in which the
 * client has the server reset them), and send frames that have to be answered.
 */
const MOST_RESETS = 200;
const MOST_CONTROLS = 200;
const WITHIN = 10_000;

/** Bounds that the library keeps. */
const BOUNDS = {
  settings: {
    enablePush: false,
    enableConnectProtocol: false,
    maxConcurrentStreams: MOST_STREAMS,
    maxHeaderListSize: LIST_LIMIT,
    initialWindowSize: FIRST_WINDOW,
  },
  // Above what is taken, so that what is too much is answered: 431.
  maxHeaderListPairs: 256,
  maxSendHeaderBlockLength: 64 * 1024,
  // Megabytes of all that the library keeps for a connection; beyond them no stream is begun.
  maxSessionMemory: 10,
  maxSettings: 32,
  maxOutstandingPings: 10,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  streamResetBurst: 1000,
  streamResetRate: 33,
  // Blanks around a value are seen here, and answered, where the library would leave the field out.
  strictFieldWhitespaceValidation: false,
  // What a target says twice goes on twice, as in HTTP/1.
  strictSingleValueFields: false,
} satisfies ServerSessionOptions;

/** A client's connection of HTTP/2: its requests, as many at once as it likes up to a bound (RFC 9113). */
export class Http2Connection {
  readonly #socket: Socket;
  readonly #options: ClientConnectionOptions;
  readonly #deadline: Deadline;
  readonly #sessions: ClientSessions;
  readonly #requests: Requests;
  /** Aborts when the client has gone. */
  readonly #gone = new AbortController();
  readonly #session: ServerHttp2Session;
  readonly #resets: Allowance;
  readonly #controls: Allowance;
  /** Requests that are under way: also those whose streams are gone, until they have seen it. */
  readonly #serving = new Set<Promise<void>>();
  #idle: NodeJS.Timeout | undefined;
  /** Somebody was let in on it. */
  #isKnown = false;
  /** What is wrong with what the client says. */
  #violation: string | undefined;
  #failure: Error | undefined;

  constructor(socket: Socket, options: ClientConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#deadline = new Deadline(socket);
    this.#sessions = new ClientSessions({
      ...options,
      gone: this.#gone.signal,
      ended: () => this.#goAway(),
    });
    this.#requests = new Requests({
      ...options,
      sessions: this.#sessions,
      loggedIn: () => this.#loggedIn(),
      turnedAway: () => this.#goAway(),
    });
    const now = options.clock.now();
    this.#resets = new Allowance(MOST_RESETS, WITHIN, now);
    this.#controls = new Allowance(MOST_CONTROLS, WITHIN, now);
    this.#session = performServerHandshake(socket, BOUNDS);
    // The library waits for it, and nobody but Node's own server says it of a socket of the server's side.
    socket.emit("secureConnect");
  }

  /** Serves it to its end. */
  async run(): Promise<void> {
    const session = this.#session;
    const closed = Promise.withResolvers<void>();
    session.once("close", closed.resolve);
    this.#socket.once("close", closed.resolve);
    if (this.#socket.destroyed) closed.resolve();
    session.on("error", (error) => {
      this.#violation ??= messageOf(error);
    });
    session.on("stream", (stream, _headers, _flags, list) => this.#begin(stream, list));
    const control = () => {
      if (!this.#controls.spend(this.#options.clock.now()))
        this.#calm("more control frames than anybody needs");
    };
    session.on("ping", control);
    session.on("remoteSettings", control);
    this.#rest();
    await closed.promise;
    clearTimeout(this.#idle);
    this.#gone.abort();
    await Promise.all(this.#serving);
    const end = this.#violation === undefined ? "client_closed" : "protocol_violation";
    await this.#sessions.close(end, this.#violation);
    await hangUp(this.#socket, PATIENCE);
    if (this.#failure) throw this.#failure;
  }

  #begin(stream: ServerHttp2Stream, list: readonly string[]): void {
    // What is wrong with it is told by its close.
    stream.on("error", () => undefined);
    stream.once("aborted", () => this.#reset());
    if (stream.aborted) this.#reset();
    // Those that were reset may still be looked at: no more of them than may be open.
    if (this.#serving.size >= 2 * MOST_STREAMS) {
      if (!stream.destroyed) stream.close(NGHTTP2_REFUSED_STREAM);
      return;
    }
    clearTimeout(this.#idle);
    this.#deadline.lift();
    const serving = this.#serve(stream, list).catch((error: unknown) => {
      this.#failure ??= error instanceof Error ? error : new Error(messageOf(error));
      this.#session.destroy(new Error("A request failed."), NGHTTP2_INTERNAL_ERROR);
    });
    this.#serving.add(serving);
    void serving.then(() => {
      this.#serving.delete(serving);
      this.#rest();
    });
  }

  async #serve(stream: ServerHttp2Stream, list: readonly string[]): Promise<void> {
    let exchange: Http2Exchange | undefined;
    try {
      exchange = new Http2Exchange(readRequestHead(list, stream.endAfterHeaders), stream);
      await this.#requests.serve(exchange);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      await this.#refuseMalformed(stream, list, exchange, error);
    }
  }

  /** It is told what is wrong with its request (RFC 9113, section 8.1.1); the others are not touched. */
  async #refuseMalformed(
    stream: ServerHttp2Stream,
    list: readonly string[],
    exchange: Http2Exchange | undefined,
    error: Malformed,
  ): Promise<void> {
    if (isOver(stream)) return;
    // Each takes a line of the audit log.
    if (!this.#resets.spend(this.#options.clock.now())) {
      this.#calm("more requests that can't be read than anybody makes");
      return;
    }
    const own = await this.#requests.malformed(error);
    if (exchange) exchange.answer(own);
    else await answer(stream, own, { bodyless: isHead(list), isRead: () => stream.endAfterHeaders });
  }

  /** A request has come to nothing. */
  #reset(): void {
    if (this.#gone.signal.aborted || this.#session.destroyed) return;
    if (!this.#resets.spend(this.#options.clock.now()))
      this.#calm("more requests taken back than anybody begins");
  }

  /** Ends it at once. */
  #calm(why: string): void {
    if (this.#session.destroyed) return;
    this.#violation ??= why;
    this.#session.destroy(new Error(why), NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #loggedIn(): void {
    this.#options.loggedIn();
    if (this.#isKnown) return;
    this.#isKnown = true;
    if (this.#session.destroyed) return;
    this.#session.settings({ initialWindowSize: WINDOW });
    this.#session.setLocalWindowSize(CONNECTION_WINDOW);
  }

  /** No request is under way: another one has to come in time. */
  #rest(): void {
    if (this.#serving.size > 0 || this.#session.destroyed) return;
    const limit = this.#isKnown ? IDLE : this.#options.limits.startup;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#goAway(), limit);
    this.#deadline.within(limit + PATIENCE);
  }

  /** Takes no more requests, and ends behind those that are under way (section 6.8). */
  #goAway(): void {
    if (!this.#session.destroyed && !this.#session.closed) this.#session.close();
  }
}

/** Of a head that is none: whether its answer has no body. */
function isHead(list: readonly string[]): boolean {
  const at = list.indexOf(":method");
  return at !== -1 && list[at + 1] === "HEAD";
}
