import { once } from "node:events";
import type { TLSSocket } from "node:tls";
import type { Demo } from "@gatehouse/demo";
import { message, securedConnection, startupMessage } from "../raw.ts";

/** Who asks: a level of the demo's target, and a token. */
export interface Who {
  readonly user: string;
  readonly password: string;
}

/** A session that sends bytes and counts what comes back, without keeping it. */
export class CountingSession {
  readonly socket: TLSSocket;
  /** Messages by their letter, and the SQLSTATEs of errors. */
  readonly counts = new Map<string, number>();
  readonly errors: string[] = [];
  #rest = Buffer.alloc(0);
  /** Bytes of a message that is counted already. */
  #passing = 0;

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
  }

  /** @throws Error when the gateway does not let it in */
  static async open(demo: Demo, port: number, { user, password }: Who): Promise<CountingSession> {
    const session = new CountingSession(await securedConnection(demo, port));
    session.socket.write(startupMessage({ user, database: "orders" }));
    session.socket.write(message("p", Buffer.from(`${password}\0`)));
    await session.until("Z", 1);
    return session;
  }

  count(letter: string): number {
    return this.counts.get(letter) ?? 0;
  }

  /**
   * Resolves when so many messages of this letter have come.
   * @throws Error when the session ends before that, or when the server has said no instead and waits for what comes next
   */
  async until(letter: string, count: number): Promise<void> {
    await this.#whileOpen(async (signal) => {
      while (this.count(letter) < count) {
        if (this.socket.destroyed) throw new Error("the session has ended");
        if (letter !== "Z" && this.errors.length > 0) throw new Error(`refused: ${this.errors.join(", ")}`);
        await once(this.socket, "data", { signal });
      }
    });
  }

  /** Resolves when the other side has taken enough for more to be sent. @throws Error when the session ends before that */
  async send(bytes: Buffer): Promise<void> {
    if (this.socket.write(bytes)) return;
    await this.#whileOpen(async (signal) => {
      if (this.socket.destroyed) throw new Error("the session has ended");
      await once(this.socket, "drain", { signal });
    });
  }

  /** @param wait ends by the signal when the session does */
  async #whileOpen(wait: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const ended = new AbortController();
    const end = () => ended.abort();
    this.socket.once("close", end);
    try {
      await wait(ended.signal);
    } finally {
      this.socket.off("close", end);
    }
  }

  #take(chunk: Buffer): void {
    const passed = Math.min(this.#passing, chunk.length);
    this.#passing -= passed;
    let bytes = Buffer.concat([this.#rest, chunk.subarray(passed)]);
    while (bytes.length >= 5) {
      const letter = bytes.toString("latin1", 0, 1);
      const size = 1 + bytes.readInt32BE(1);
      if (letter === "E") {
        if (bytes.length < size) break;
        this.errors.push(/\0C([0-9A-Z]{5})\0/.exec(bytes.toString("latin1", 0, size))?.[1] ?? "");
      }
      this.counts.set(letter, this.count(letter) + 1);
      this.#passing = Math.max(0, size - bytes.length);
      bytes = bytes.subarray(Math.min(size, bytes.length));
    }
    this.#rest = bytes;
  }
}
