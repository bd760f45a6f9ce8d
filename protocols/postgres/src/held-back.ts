import type { ClientReader } from "./codec/client-reader.ts";
import { Goodbye } from "./codec/goodbye.ts";

/** Bytes that one client may send behind a command that waits; then it is not read on from. */
const LIMIT = 64 * 1024;

/**
 * What a client sends while a command of its waits for people. It is read all the same, up to a bound: a client that
 * leaves would not be noticed otherwise.
 */
export class HeldBack {
  #chunks: Buffer[] = [];
  #size = 0;
  #goodbye: Goodbye | undefined;

  /** A command begins to wait. @returns whether its client has said goodbye already */
  begin(reader: ClientReader): boolean {
    const { skip, bytes } = reader.unread;
    const goodbye = new Goodbye(skip);
    this.#goodbye = goodbye;
    return [bytes, ...this.#chunks].some((chunk) => goodbye.found(chunk));
  }

  get full(): boolean {
    return this.#size >= LIMIT;
  }

  /** @returns whether the client says goodbye with it */
  push(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    return this.#goodbye?.found(chunk) === true;
  }

  /** The first chunk that nobody has taken. */
  shift(): Buffer | undefined {
    const chunk = this.#chunks.shift();
    this.#size -= chunk?.length ?? 0;
    return chunk;
  }
}
