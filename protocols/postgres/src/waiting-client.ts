import type { Socket } from "node:net";
import type { HoldNotice } from "@gatehouse/core";
import { Pull } from "@gatehouse/wire";
import { encodeAuthenticationOk } from "./codec/authentication.ts";
import { encodeNoticeResponse } from "./codec/error-response.ts";

/** Bytes that a client may send before it was let in. One that keeps to the protocol sends none. */
const LIMIT = 16 * 1024;

/**
 * A client that has proved who it is, and whose log-in may have to wait for people. As long as it waits it is read from: one that
 * leaves would not be noticed otherwise.
 */
export class WaitingClient {
  readonly #socket: Socket;
  readonly #gone = new AbortController();
  readonly #chunks: Buffer[] = [];
  #pull: Pull | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Aborts when it has left, or has sent what it had no reason to, while it waited. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** It was told that it waits, and with that that its password was right. */
  get told(): boolean {
    return this.#pull !== undefined;
  }

  /** Begins the wait. libpq shows notices only when it knows that it has proved itself. */
  waits(notice: HoldNotice): void {
    if (this.#pull) return;
    this.#pull = new Pull(this.#socket);
    this.#socket.write(Buffer.concat([encodeAuthenticationOk(), encodeNoticeResponse(notice)]));
    void this.#read(this.#pull);
  }

  /** Ends the wait: what it has sent is there for whoever reads from it next. */
  done(): void {
    this.#pull?.release();
    const sent = Buffer.concat(this.#chunks);
    if (sent.length > 0 && !this.#socket.destroyed) this.#socket.unshift(sent);
  }

  async #read(pull: Pull): Promise<void> {
    let size = 0;
    for (;;) {
      const chunk = await pull.next();
      if (chunk === undefined) {
        this.#gone.abort();
        return;
      }
      size += chunk.length;
      if (size > LIMIT) {
        this.#gone.abort();
        this.#socket.destroy();
        return;
      }
      this.#chunks.push(chunk);
    }
  }
}
