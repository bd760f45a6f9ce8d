import { GatehouseError } from "@gatehouse/core";
import type { MessageLink } from "../../src/connection/connection.ts";

/** One end of two that hand each other their messages: a transport without bytes. */
export class Link implements MessageLink {
  queued = 0;
  onDrain: () => void = () => undefined;
  #take: (payload: Buffer) => void = () => undefined;
  #end: (why: GatehouseError | undefined) => void = () => undefined;
  /** Every message that this end has sent. */
  readonly sent: Buffer[] = [];
  /** What the receiver threw at one of this end's messages. */
  refusedBy: unknown;
  #peer: Link | undefined;
  #closed = false;

  static pair(): readonly [Link, Link] {
    const [a, b] = [new Link(), new Link()];
    a.#peer = b;
    b.#peer = a;
    return [a, b];
  }

  set onMessage(take: (payload: Buffer) => void) {
    this.#take = take;
  }

  set onClose(closed: (why: GatehouseError | undefined) => void) {
    this.#end = closed;
  }

  send(...parts: readonly Uint8Array[]): void {
    if (this.#closed) return;
    const message = Buffer.concat(parts);
    this.sent.push(message);
    queueMicrotask(() => this.#peer?.receive(message, this));
  }

  receive(message: Buffer, from: Link): void {
    if (this.#closed) return;
    try {
      this.#take(message);
    } catch (error) {
      from.refusedBy = error;
      this.close(error instanceof GatehouseError ? error : undefined);
    }
  }

  disconnect(): void {
    this.close(undefined);
  }

  close(why: GatehouseError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    queueMicrotask(() => {
      this.#end(why);
      this.#peer?.close(undefined);
    });
  }
}
