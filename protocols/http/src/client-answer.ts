import type { Socket } from "node:net";
import { GatehouseError } from "@gatehouse/core";
import { encodeChunk, encodeLastChunk } from "./codec/chunks.ts";
import { Fields } from "./codec/fields.ts";
import type { Framing } from "./codec/framing.ts";
import type { ResponseHead } from "./codec/response-head.ts";
import type { TakeContent } from "./connection/message-reader.ts";
import { send } from "./connection/send.ts";
import {
  type Answering,
  incomingHead,
  incomingTrailers,
  interimHead,
  refusesCredential,
} from "./incoming.ts";
import type { TargetAnswer } from "./target-exchange.ts";

const NO_FIELDS = new Fields([]);

/** What a target answers, on its way to the client. */
export class ClientAnswer implements TargetAnswer {
  readonly #socket: Socket;
  readonly #answering: Answering;
  readonly #takesTrailers: boolean;
  #framing: Framing | undefined;
  #isLast = false;

  /** @param takesTrailers whether the client has said so */
  constructor(socket: Socket, answering: Answering, takesTrailers: boolean) {
    this.#socket = socket;
    this.#answering = answering;
    this.#takesTrailers = takesTrailers;
  }

  /** Whether the client has the beginning of it. */
  get isBegun(): boolean {
    return this.#framing !== undefined;
  }

  /** Whether the client's connection ends behind it. */
  get isLast(): boolean {
    return this.#isLast;
  }

  interim(head: ResponseHead): void {
    const bytes = interimHead(head, this.#answering);
    if (bytes) this.#socket.write(bytes);
  }

  /** @throws GatehouseError TARGET_AUTHENTICATION where the target has not taken the gateway's credential; Malformed */
  begin(head: ResponseHead): TakeContent {
    if (refusesCredential(head, this.#answering.cookies)) {
      throw new GatehouseError("TARGET_AUTHENTICATION", `The target answered with ${head.status}.`);
    }
    const { bytes, framing, last } = incomingHead(head, this.#answering);
    this.#framing = framing;
    this.#isLast = last;
    // With the content's first piece, where that is there already: one packet, and one call of the system.
    let waiting: readonly Buffer[] = [bytes];
    this.#flush = () => {
      const pieces = waiting;
      waiting = [];
      return pieces;
    };
    process.nextTick(() => {
      const pieces = this.#flush();
      if (pieces.length > 0 && this.#socket.writable) void send(this.#socket, pieces)?.catch(() => undefined);
    });
    const isChunked = framing.kind === "chunked";
    return (content) =>
      send(this.#socket, [
        ...this.#flush(),
        ...(isChunked ? content.flatMap((piece) => encodeChunk(piece)) : content),
      ]);
  }

  async end(trailers: Fields): Promise<void> {
    const pieces = this.#flush();
    const isChunked = this.#framing?.kind === "chunked";
    const last = isChunked
      ? [encodeLastChunk(this.#takesTrailers ? incomingTrailers(trailers, this.#answering) : NO_FIELDS)]
      : [];
    if (pieces.length + last.length > 0) await send(this.#socket, [...pieces, ...last]);
  }

  #flush: () => readonly Buffer[] = () => [];
}
