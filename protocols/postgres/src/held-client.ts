import type { Socket } from "node:net";
import type { Held } from "@gatehouse/core";
import type { ClientReader } from "./codec/client-reader.ts";
import { encodeNoticeResponse } from "./codec/error-response.ts";
import { Goodbye } from "./codec/goodbye.ts";
import { encodeParameterStatus } from "./codec/parameter-status.ts";

/** Bytes that one client may send behind a command that waits; then it is not read on from. */
const LIMIT = 64 * 1024;
/** Milliseconds between two looks whether a client is there that can't be read on from. */
const PROBE = 1_000;

export interface HeldClientOptions {
  readonly client: Socket;
  readonly reader: ClientReader;
  /** As PostgreSQL names it, of what the client sends now. */
  readonly encoding: () => string;
  /** Nothing of the target's is on its way to the client that a word of the gateway's own would tear apart. */
  readonly betweenMessages: () => boolean;
  /** Told when the client says goodbye. */
  readonly left: () => void;
}

/**
 * A client whose command waits for people. What it sends is read and kept, up to a bound, and looked through for its
 * goodbye: a client that leaves would not be noticed otherwise.
 */
export class HeldClient {
  readonly #options: HeldClientOptions;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #goodbye: Goodbye | undefined;
  #held: Held | undefined;
  #probed: Held | undefined;

  constructor(options: HeldClientOptions) {
    this.#options = options;
  }

  /**
   * A command begins to wait; or goes on to, when what decides on it is not known yet at the end of its wait.
   * @returns whether it begins
   */
  waits(held: Held): boolean {
    const begins = held !== this.#held;
    this.#held = held;
    const { skip, bytes } = this.#options.reader.unread;
    const goodbye = new Goodbye(skip);
    this.#goodbye = goodbye;
    if ([bytes, ...this.#chunks].some((chunk) => goodbye.found(chunk))) this.#options.left();
    else this.#read();
    return begins;
  }

  /** What the client has sent while it waits. */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#goodbye?.found(chunk) === true) this.#options.left();
    else this.#read();
  }

  /** The first of what was sent that nobody has taken. */
  shift(): Buffer | undefined {
    const chunk = this.#chunks.shift();
    this.#size -= chunk?.length ?? 0;
    return chunk;
  }

  /** Tells the client that it waits; and again and again, where the config says so. */
  tell(held: Held): void {
    const notice = encodeNoticeResponse(held.notice);
    this.#say(notice);
    if (held.repeat !== undefined) this.#untilEnded(held, held.repeat, notice);
  }

  #read(): void {
    const { client, encoding } = this.#options;
    if (this.#size < LIMIT) {
      client.resume();
      return;
    }
    client.pause();
    const held = this.#held;
    if (held === undefined || held === this.#probed) return;
    this.#probed = held;
    // It can't be seen to leave, but what is written to it finds that out. What it knows already, a server may say at any
    // time, and nobody has to do anything.
    this.#untilEnded(held, PROBE, encodeParameterStatus({ name: "client_encoding", value: encoding() }));
  }

  #untilEnded(held: Held, interval: number, words: Buffer): void {
    const again = setInterval(() => this.#say(words), interval);
    void held.ended.then(() => clearInterval(again));
  }

  /** Where it can't be said now, it is left unsaid: the answer matters, and comes in any case. */
  #say(words: Buffer): void {
    const { client, betweenMessages } = this.#options;
    if (betweenMessages() && !client.writableNeedDrain) client.write(words);
  }
}
