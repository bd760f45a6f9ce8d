import type { Duplex } from "node:stream";
import { Pull } from "@gatehouse/wire";
import { send } from "../connection/send.ts";
import { type Close, writeClose } from "./close.ts";
import { encodeFrame, type FrameKind, FrameReader, type Part } from "./frames.ts";

const NOTHING: Buffer = Buffer.alloc(0);

export interface PeerOptions {
  readonly is: "client" | "server";
  /** What has been read of it already. */
  readonly early: Buffer;
  /** Bytes of a text, at most. */
  readonly longest: number;
  /** Milliseconds of silence after which it is asked whether it is still there, and after as many again taken for gone. */
  readonly silence: number;
  /** Milliseconds that it may take nothing of what is sent to it. */
  readonly stalled: number;
}

/** One of the two ends that a WebSocket has at the gateway. */
export class Peer {
  readonly #socket: Duplex;
  readonly #pull: Pull;
  readonly #reader: FrameReader;
  readonly #options: PeerOptions;
  readonly #timer: NodeJS.Timeout;
  #early: Buffer;
  #isReading = false;
  /** It was silent since it was asked. */
  #isAsked = false;
  /** Something has come since the timer's last turn. */
  #isHeard = true;
  #hasClosed = false;

  constructor(socket: Duplex, options: PeerOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#early = options.early;
    this.#pull = new Pull(socket);
    this.#reader = new FrameReader(options.is, options.longest);
    this.#timer = setInterval(() => this.#listen(), options.silence);
    socket.once("close", () => clearInterval(this.#timer));
    if (socket.destroyed) clearInterval(this.#timer);
  }

  /** Whether it has been told that it is over: nothing more is sent to it. */
  get hasClosed(): boolean {
    return this.#hasClosed;
  }

  /**
   * All that it says, up to its close frame or the end of its connection. Nothing is read that is not asked for.
   * @throws Violation
   */
  async *parts(): AsyncGenerator<Part, void> {
    for (let bytes = await this.#next(); bytes !== undefined; bytes = await this.#next()) {
      for (const part of this.#reader.read(bytes)) {
        yield part;
        if (part.kind === "close") return;
      }
    }
  }

  /**
   * @param final whether it ends its message
   * @returns undefined where there is room for more at once, or nothing is sent any more; else resolves when there is
   * @throws GatehouseError PROTOCOL_VIOLATION where it has gone
   */
  send(kind: FrameKind, payload: Buffer, final = true): Promise<void> | undefined {
    if (this.#hasClosed) return undefined;
    const to = this.#options.is;
    const room = send(this.#socket, encodeFrame(kind, payload, { final, to }));
    return room && this.#within(room);
  }

  /** Tells it that it is over, once: later calls do nothing. */
  close(close: Close): void {
    if (this.#hasClosed) return;
    this.#hasClosed = true;
    if (!this.#socket.writable) return;
    for (const piece of encodeFrame("close", writeClose(close), { to: this.#options.is })) {
      this.#socket.write(piece);
    }
  }

  /** Ends the connection: what still comes is read to nowhere until it is closed, or patience is at an end. */
  async hangUp(patience: number): Promise<void> {
    const timer = setTimeout(() => this.#socket.destroy(), patience);
    const closed = new Promise<void>((resolve) => {
      if (this.#socket.closed) resolve();
      else this.#socket.once("close", resolve);
    });
    this.#socket.end();
    while ((await this.#pull.next()) !== undefined);
    await closed;
    clearTimeout(timer);
  }

  cut(): void {
    this.#socket.destroy();
  }

  async #next(): Promise<Buffer | undefined> {
    const early = this.#early;
    this.#early = NOTHING;
    if (early.length > 0) return early;
    this.#isReading = true;
    const bytes = await this.#pull.next();
    this.#isReading = false;
    this.#isAsked = false;
    this.#isHeard = true;
    return bytes;
  }

  /** Only who is listened to can be silent. */
  #listen(): void {
    if (!this.#isReading || this.#isHeard) {
      this.#isHeard = false;
      return;
    }
    // Who was told that it is over has a time limit of its own.
    if (this.#hasClosed) return;
    if (this.#isAsked || !this.#socket.writable) {
      this.#socket.destroy();
      return;
    }
    this.#isAsked = true;
    void this.send("ping", NOTHING)?.catch(() => undefined);
  }

  async #within(room: Promise<void>): Promise<void> {
    const timer = setTimeout(() => this.#socket.destroy(), this.#options.stalled);
    try {
      await room;
    } finally {
      clearTimeout(timer);
    }
  }
}
