import { GatehouseError } from "@gatehouse/core";
import type { Transport } from "../transport/transport.ts";

/** Messages that a peer may send ahead of the answers: a log-in is a conversation. */
const MOST = 16;

/**
 * A transport's messages one by one, while somebody logs in. It is read from all the same while nobody asks, so that a peer who
 * leaves is seen to.
 */
export class Messages {
  readonly transport: Transport;
  readonly #came: Buffer[] = [];
  readonly #gone = new AbortController();
  #why: GatehouseError | undefined;
  #waiting: (() => void) | undefined;

  constructor(transport: Transport) {
    this.transport = transport;
    transport.onClose = (why) => {
      this.#why = why;
      this.#gone.abort(why);
      this.#waiting?.();
    };
    transport.onMessage = (payload) => {
      if (this.#came.length >= MOST) {
        throw new GatehouseError("PROTOCOL_VIOLATION", "too many messages before the log-in has ended");
      }
      this.#came.push(payload);
      this.#waiting?.();
    };
  }

  /** Aborts when the peer has gone. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /**
   * The next message.
   * @throws GatehouseError when the peer has gone: PROTOCOL_VIOLATION where it left as peers do
   */
  async next(): Promise<Buffer> {
    for (;;) {
      const message = this.#came.shift();
      if (message) return message;
      if (this.#gone.signal.aborted) {
        throw (
          this.#why ??
          new GatehouseError("PROTOCOL_VIOLATION", "The connection was closed during the log-in.")
        );
      }
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
      this.#waiting = undefined;
    }
  }

  /** What has come and nobody has asked for: it is for whoever takes the transport's messages from now on. */
  rest(): readonly Buffer[] {
    return this.#came.splice(0);
  }
}
