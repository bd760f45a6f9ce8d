import type { Socket } from "node:net";
import type { ClientExchange } from "./client-exchange.ts";
import { encodeChunk, encodeLastChunk } from "./codec/chunks.ts";
import { Fields } from "./codec/fields.ts";
import type { Framing } from "./codec/framing.ts";
import type { RequestHead } from "./codec/request-head.ts";
import type { Deadline } from "./connection/deadline.ts";
import type { MessageReader } from "./connection/message-reader.ts";
import { RequestBody } from "./connection/request-body.ts";
import { send } from "./connection/send.ts";
import type { Switched } from "./connection/switched.ts";
import { encodeAnswerHead, encodeResponseHead } from "./encode.ts";
import type { AnswerHead } from "./incoming.ts";
import { takesTrailers } from "./outgoing.ts";
import { encodeOwnAnswer, type OwnAnswer } from "./refusal.ts";

/** Milliseconds that a body's next piece may take, and the client to take in what it was sent of an answer. */
const STALLED = 60_000;

const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");
const NO_FIELDS = new Fields([]);

export interface Http1ExchangeOptions {
  readonly socket: Socket;
  readonly reader: MessageReader;
  /** Of what the client sends. */
  readonly arrival: Deadline;
  /** Of its taking in what it is sent. */
  readonly delivery: Deadline;
  /** Aborts when the client has gone. */
  readonly gone: AbortSignal;
}

/** A request on a connection of HTTP/1, and its answer (RFC 9112). */
export class Http1Exchange implements ClientExchange {
  readonly head: RequestHead;
  readonly body = new RequestBody();
  readonly gone: AbortSignal;
  readonly #socket: Socket;
  readonly #reader: MessageReader;
  readonly #arrival: Deadline;
  readonly #delivery: Deadline;
  #framing: Framing | undefined;
  #isLast: boolean;
  #isWhole = false;
  /** What waits for the body's first piece: with it, it is one packet, and one call of the system. */
  #waiting: readonly Buffer[] = [];

  constructor(head: RequestHead, { socket, reader, arrival, delivery, gone }: Http1ExchangeOptions) {
    this.head = head;
    this.gone = gone;
    this.#socket = socket;
    this.#reader = reader;
    this.#arrival = arrival;
    this.#delivery = delivery;
    this.#isLast = !persists(head);
  }

  get isBegun(): boolean {
    return this.#framing !== undefined;
  }

  /** Whether another request may follow: not where a body was not read, since it would be taken for one. */
  get leavesRoom(): boolean {
    const isRead = this.head.framing.kind === "none" || this.body.isWhole;
    return this.#isWhole && isRead && !this.#isLast;
  }

  start(): void {
    if (this.head.framing.kind === "none") {
      this.body.none();
      return;
    }
    const stalled = {
      begin: () => this.#arrival.within(STALLED),
      end: () => this.#arrival.lift(),
    };
    this.body.start((take) => this.#reader.body(this.head.framing, take, stalled));
  }

  askForBody(): void {
    const { version, framing, fields } = this.head;
    if (version === "1.0" || framing.kind === "none") return;
    if (fields.list("expect").includes("100-continue")) this.#socket.write(CONTINUE);
  }

  watch(left: () => void): void {
    this.gone.addEventListener("abort", left);
    this.#reader.watch(left);
  }

  interim({ status, reason, fields }: AnswerHead): void {
    if (this.head.version === "1.0") return;
    this.#socket.write(encodeResponseHead(status, reason, fields));
  }

  begin(head: AnswerHead): void {
    const { bytes, framing, last } = encodeAnswerHead(head, this.head.version, this.#isLast);
    this.#framing = framing;
    this.#isLast = last;
    this.#waiting = [bytes];
    process.nextTick(() => {
      const pieces = this.#taken();
      if (pieces.length > 0 && this.#socket.writable) void send(this.#socket, pieces)?.catch(() => undefined);
    });
  }

  write(content: readonly Buffer[]): Promise<void> | undefined {
    const framed =
      this.#framing?.kind === "chunked" ? content.flatMap((piece) => encodeChunk(piece)) : content;
    return this.#send([...this.#taken(), ...framed]);
  }

  end(trailers: Fields): Promise<void> | undefined {
    this.#isWhole = true;
    const isChunked = this.#framing?.kind === "chunked";
    const last = isChunked ? [encodeLastChunk(takesTrailers(this.head) ? trailers : NO_FIELDS)] : [];
    const pieces = [...this.#taken(), ...last];
    return pieces.length > 0 ? this.#send(pieces) : undefined;
  }

  answer(own: OwnAnswer): void {
    this.#isWhole = true;
    const isRead = this.head.framing.kind === "none" || this.body.isWhole;
    this.#isLast ||= !isRead;
    const bodyless = this.head.method === "HEAD";
    this.#socket.write(encodeOwnAnswer(own, { close: this.#isLast, bodyless }));
  }

  async switch({ status, reason, fields, framing }: AnswerHead): Promise<Switched> {
    this.#framing = framing;
    this.#isLast = true;
    this.#arrival.lift();
    this.#delivery.lift();
    this.#socket.write(encodeResponseHead(status, reason, fields));
    return { socket: this.#socket, early: await this.#reader.handOver() };
  }

  cut(): void {
    this.#socket.destroy();
  }

  /** Who asks and does not listen holds a session and a target's connection: not for ever. */
  #send(pieces: readonly Buffer[]): Promise<void> | undefined {
    const room = send(this.#socket, pieces);
    if (room === undefined) return undefined;
    this.#delivery.within(STALLED);
    return room.finally(() => {
      this.#delivery.lift();
    });
  }

  #taken(): readonly Buffer[] {
    const pieces = this.#waiting;
    this.#waiting = [];
    return pieces;
  }
}

/** Whether the client wants the connection to go on behind this request (RFC 9112, section 9.3). */
function persists({ version, fields }: RequestHead): boolean {
  return version === "1.1" && !fields.list("connection").includes("close");
}
