import { GatehouseError } from "@gatehouse/core";

/** Bytes that may wait. */
const MOST = 16 * 1024 * 1024;

/** Messages, each in its parts, that wait for the end of a key exchange. */
export class HeldMessages {
  #messages: (readonly Uint8Array[])[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** @throws GatehouseError PROTOCOL_VIOLATION where there is too much: a peer that ends no exchange must not be stored for */
  push(parts: readonly Uint8Array[]): void {
    for (const part of parts) this.#bytes += part.length;
    this.#messages.push(parts);
    if (this.#bytes > MOST) {
      throw new GatehouseError("PROTOCOL_VIOLATION", "too much waits for the end of a key exchange");
    }
  }

  /** All of them, in order; they are not held any more. */
  release(): readonly (readonly Uint8Array[])[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }
}
