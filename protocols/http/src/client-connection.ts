import type { Socket } from "node:net";
import { hangUp } from "@gatehouse/wire";
import { ClientSessions } from "./client-sessions.ts";
import { Malformed } from "./codec/malformed.ts";
import { parseRequestHead } from "./codec/request-head.ts";
import { Deadline } from "./connection/deadline.ts";
import { MessageReader } from "./connection/message-reader.ts";
import { Http1Exchange } from "./http1-exchange.ts";
import { encodeOwnAnswer } from "./refusal.ts";
import { Requests, type RequestsOptions } from "./requests.ts";

/** Milliseconds that a connection may be idle between two requests. */
const IDLE = 75_000;
/** Milliseconds in which a client that was told that it is over has to take that in. */
const PATIENCE = 5000;

export interface ClientConnectionOptions extends Omit<RequestsOptions, "sessions" | "turnedAway"> {
  /** Called when somebody was let in. */
  readonly loggedIn: () => void;
}

/** A client's connection of HTTP/1: its requests, one after the other (RFC 9112, section 9.3.2). */
export class ClientConnection {
  readonly #socket: Socket;
  readonly #options: ClientConnectionOptions;
  readonly #reader: MessageReader;
  /** Of what the client sends, and of its taking in what it is sent. */
  readonly #arrival: Deadline;
  readonly #delivery: Deadline;
  readonly #sessions: ClientSessions;
  readonly #requests: Requests;
  /** Aborts when the client has gone. */
  readonly #gone = new AbortController();
  /** Somebody was let in on it. */
  #isKnown = false;
  /** A request is under way. */
  #isBusy = false;
  /** It takes no more requests: a session of it was ended by the gateway, or nobody was let in too often. */
  #isOver = false;

  constructor(socket: Socket, options: ClientConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#reader = new MessageReader(socket);
    this.#arrival = new Deadline(socket);
    this.#delivery = new Deadline(socket);
    this.#sessions = new ClientSessions({
      ...options,
      gone: this.#gone.signal,
      ended: () => {
        this.#isOver = true;
        // Who has nothing under way is told by the end alone, as by any server that goes.
        if (!this.#isBusy) this.#socket.end();
      },
    });
    this.#requests = new Requests({
      ...options,
      sessions: this.#sessions,
      loggedIn: () => {
        this.#isKnown = true;
        options.loggedIn();
      },
      turnedAway: () => {
        this.#isOver = true;
      },
    });
    socket.once("close", () => this.#gone.abort());
  }

  /** Serves it to its end. */
  async run(): Promise<void> {
    let detail: string | undefined;
    try {
      while (await this.#next());
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      detail = error.message;
      // What was meant by it nobody can tell: it is answered, and nothing more is read (RFC 9112, section 2.2).
      if (!this.#gone.signal.aborted) {
        const answer = await this.#requests.malformed(error);
        this.#socket.write(encodeOwnAnswer(answer, { close: true }));
      }
    } finally {
      await this.#sessions.close(detail === undefined ? "client_closed" : "protocol_violation", detail);
      // What still comes is read to nowhere: a client that says all before it listens hears why it was refused.
      this.#reader.release();
      await hangUp(this.#socket, PATIENCE);
    }
  }

  /** @returns whether another request may follow */
  async #next(): Promise<boolean> {
    const { startup } = this.#options.limits;
    this.#arrival.within(this.#isKnown ? IDLE : startup);
    const head = await this.#reader.head(() => this.#arrival.within(startup));
    // Whoever is told that it is over can't hear what would become of one more.
    if (head === undefined || this.#isOver) return false;
    this.#arrival.lift();
    this.#isBusy = true;
    const exchange = new Http1Exchange(parseRequestHead(head), {
      ...{ socket: this.#socket, reader: this.#reader },
      ...{ arrival: this.#arrival, delivery: this.#delivery },
      gone: this.#gone.signal,
    });
    await this.#requests.serve(exchange);
    this.#isBusy = false;
    return exchange.leavesRoom && !this.#isOver;
  }
}
