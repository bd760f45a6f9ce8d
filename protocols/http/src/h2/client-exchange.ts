import { constants, type ServerHttp2Stream } from "node:http2";
import { Pull } from "@gatehouse/wire";
import type { ClientExchange } from "../client-exchange.ts";
import { Fields } from "../codec/fields.ts";
import { Malformed } from "../codec/malformed.ts";
import type { RequestHead } from "../codec/request-head.ts";
import type { TakeContent } from "../connection/message-reader.ts";
import { RequestBody } from "../connection/request-body.ts";
import { send } from "../connection/send.ts";
import type { AnswerHead } from "../incoming.ts";
import { takesTrailers } from "../outgoing.ts";
import type { OwnAnswer } from "../refusal.ts";
import { headerList, headerObject } from "./header-list.ts";
import { answer, finish, isOver, respond } from "./server-stream.ts";
import { inTime } from "./stalled.ts";

const NO_FIELDS = new Fields([]);

/** A request on a stream of HTTP/2, and its answer (RFC 9113, section 8.1). */
export class Http2Exchange implements ClientExchange {
  readonly head: RequestHead;
  readonly body = new RequestBody();
  readonly #stream: ServerHttp2Stream;
  readonly #gone = new AbortController();
  #isBegun = false;
  #isFinished = false;
  /** No body is sent, and none is waited for. */
  #isBodyless = false;
  #trailers = NO_FIELDS;

  constructor(head: RequestHead, stream: ServerHttp2Stream) {
    this.head = head;
    this.#stream = stream;
    const gone = () => this.#gone.abort();
    stream.once("aborted", gone);
    stream.once("close", gone);
    if (stream.aborted || stream.destroyed) gone();
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get isBegun(): boolean {
    return this.#isBegun;
  }

  start(): void {
    this.body.start((take) => this.#content(take));
  }

  askForBody(): void {
    const { framing, fields } = this.head;
    if (framing.kind === "none" || !fields.list("expect").includes("100-continue")) return;
    this.interim({ status: 100, reason: "", fields: [], framing: { kind: "none" } });
  }

  watch(left: () => void): void {
    if (this.#gone.signal.aborted) left();
    else this.#gone.signal.addEventListener("abort", left);
  }

  interim({ status, fields }: AnswerHead): void {
    if (isOver(this.#stream)) return;
    this.#stream.additionalHeaders({ ...headerObject(fields), ":status": status });
  }

  begin({ status, fields, framing }: AnswerHead): void {
    this.#isBegun = true;
    if (isOver(this.#stream)) return;
    const stream = this.#stream;
    this.#isBodyless = this.head.method === "HEAD" || framing.kind === "none";
    const waitForTrailers = !this.#isBodyless && takesTrailers(this.head);
    if (waitForTrailers) {
      stream.once("wantTrailers", () => stream.sendTrailers(headerObject([...this.#trailers])));
    }
    respond(stream, status, headerList(fields, framing), { endStream: this.#isBodyless, waitForTrailers });
  }

  write(content: readonly Buffer[]): Promise<void> | undefined {
    if (this.#isBodyless) return undefined;
    const room = send(this.#stream, content);
    return room && inTime(this.#stream, room);
  }

  end(trailers: Fields): Promise<void> | undefined {
    this.#trailers = trailers;
    this.#isFinished = true;
    return finish(this.#stream, () => this.#isRead);
  }

  answer(own: OwnAnswer): void {
    this.#isBegun = true;
    this.#isFinished = true;
    void answer(this.#stream, own, {
      bodyless: this.head.method === "HEAD",
      isRead: () => this.#isRead,
    });
  }

  cut(): void {
    if (!this.#stream.destroyed) this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  get #isRead(): boolean {
    return this.head.framing.kind === "none" || this.body.isWhole;
  }

  /** @throws Malformed where it is cut off, with whatever code: what has come is not what was meant */
  async #content(take: TakeContent): Promise<Fields> {
    const stream = this.#stream;
    if (this.head.framing.kind === "none") return NO_FIELDS;
    const pull = new Pull(stream);
    try {
      for (;;) {
        const bytes = await inTime(stream, pull.next());
        if (bytes === undefined) break;
        await take([bytes]);
      }
    } finally {
      pull.release();
    }
    // The library ends what was reset without an error as if it were whole.
    const isCut = stream.aborted || (stream.closed && !this.#isFinished);
    if (isCut || !stream.readableEnded) throw new Malformed("it ended in the middle of a body");
    // Without trailers: nobody has decided on them.
    return NO_FIELDS;
  }
}
