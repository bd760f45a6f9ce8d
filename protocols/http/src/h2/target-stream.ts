import { type ClientHttp2Stream, constants, sensitiveHeaders } from "node:http2";
import { GatehouseError } from "@gatehouse/core";
import { Pull } from "@gatehouse/wire";
import { isTarget, isToken } from "../codec/characters.ts";
import { Fields } from "../codec/fields.ts";
import { Malformed } from "../codec/malformed.ts";
import type { ResponseHead } from "../codec/response-head.ts";
import { send } from "../connection/send.ts";
import type { Sink } from "../masking/sink.ts";
import type { OutgoingHead } from "../outgoing.ts";
import {
  type Answered,
  type Outgoing,
  type Progress,
  type TargetAnswer,
  type TargetLink,
  Unprocessed,
} from "../upstream/target-link.ts";
import { headerList } from "./header-list.ts";
import { readResponseHead, readTrailers } from "./response-head.ts";
import type { TargetSession } from "./target-session.ts";

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_REFUSED_STREAM } = constants;

/** Heads before an answer's own, at most: nobody waits for them, so that they could fill the memory. */
const MOST_INTERIM = 32;

const NO_FIELDS = new Fields([]);

/** A place for one request on a connection of HTTP/2 to a target, which others use at the same time. */
export class TargetStream implements TargetLink {
  readonly #session: TargetSession;
  #stream: ClientHttp2Stream | undefined;
  /** Something of the request's body has been taken: it can't be sent once more. */
  #isBodyTaken = false;
  /** The target has ended its answer, and not only its stream. */
  #isEnded = false;
  #trailers = NO_FIELDS;
  #isGivenBack = false;

  constructor(session: TargetSession) {
    this.#session = session;
  }

  async exchange(outgoing: Outgoing, answer: TargetAnswer, progress: Progress): Promise<Answered> {
    let brokenOff: Malformed | undefined;
    let isBegun = false;
    try {
      progress.sent();
      const stream = this.#open(outgoing);
      const head = this.#head(stream, outgoing.method, answer, progress);
      // Both at once: a target may answer before it has seen all of the body.
      this.#send(stream, outgoing).then(
        () => {
          if (!isBegun) progress.waiting();
        },
        (error: unknown) => {
          // Of a body that its client has not ended, the target must not wait for the rest. That the target takes no more is no reason: it
          // may have answered already.
          if (!(error instanceof Malformed)) return;
          brokenOff = error;
          this.destroy();
        },
      );
      const begun = await head;
      isBegun = true;
      progress.begun();
      const sink = ofTarget(() => answer.begin(begun));
      try {
        await this.#content(stream, begun, sink);
      } catch (error) {
        sink.abort();
        throw error instanceof Malformed ? broken(error.message) : error;
      }
      // The stream is done with; its connection is kept elsewhere.
      return { trailers: this.#trailers, isReusable: false };
    } catch (error) {
      isBegun = true;
      // What the target made of a body that was broken off is not what is wrong.
      throw brokenOff ?? error;
    } finally {
      this.destroy();
    }
  }

  destroy(): void {
    const stream = this.#stream;
    if (stream && !stream.closed && !stream.destroyed) stream.close(NGHTTP2_CANCEL);
    if (this.#isGivenBack) return;
    this.#isGivenBack = true;
    this.#session.done();
  }

  #open(outgoing: Outgoing): ClientHttp2Stream {
    const stream = this.#session.request(requestList(outgoing), outgoing.framing.kind === "none");
    this.#stream = stream;
    // What is wrong with it is told by its close.
    stream.on("error", () => undefined);
    // The library says of a stream that was reset without an error that it ended, as of one that did. Only the second is told so while the
    // stream is open.
    const push = stream.push.bind(stream);
    stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
      if (chunk === null && !stream.closed) this.#isEnded = true;
      return push(chunk, encoding);
    };
    return stream;
  }

  async #send(stream: ClientHttp2Stream, { framing, body }: Outgoing): Promise<void> {
    if (framing.kind === "none") return;
    if (stream.pending) await ready(stream);
    await body.sendTo((content) => {
      this.#isBodyTaken = true;
      return send(stream, content);
    });
    // Without trailers: nobody has decided on them.
    stream.end();
  }

  /** The answer's own head; those before it are handed on. */
  #head(
    stream: ClientHttp2Stream,
    method: string,
    answer: TargetAnswer,
    progress: Progress,
  ): Promise<ResponseHead> {
    const { promise, resolve, reject } = Promise.withResolvers<ResponseHead>();
    const fail = (error: unknown) => {
      reject(error);
      this.destroy();
    };
    let before = 0;
    const read = (list: readonly string[], isEnded: boolean) => {
      progress.answered();
      try {
        const head = ofTarget(() => readResponseHead(list, { method, isEnded }));
        if (head.status >= 200) {
          resolve(head);
          return;
        }
        if (++before > MOST_INTERIM || isEnded) throw broken("more heads before it than anybody needs");
        ofTarget(() => answer.interim(head));
      } catch (error) {
        fail(error);
      }
    };
    stream.on("headers", (_headers, _flags, list: string[]) => read(list, false));
    stream.once("response", (_headers, flags, list: string[]) => read(list, isEnd(flags)));
    stream.once("trailers", (_headers, _flags, list: string[]) => {
      try {
        this.#trailers = ofTarget(() => readTrailers(list));
      } catch (error) {
        this.#isEnded = false;
        fail(error);
      }
    });
    stream.once("close", () => reject(this.#lost(stream)));
    return promise;
  }

  /** @throws GatehouseError TARGET_UNREACHABLE where it was cut off, with whatever code */
  async #content(stream: ClientHttp2Stream, { framing }: ResponseHead, sink: Sink): Promise<void> {
    const pull = new Pull(stream);
    try {
      for (let bytes = await pull.next(); bytes !== undefined; bytes = await pull.next()) {
        if (framing.kind === "none") throw broken("it has a body, and must not");
        await sink.write([bytes]);
      }
    } finally {
      pull.release();
    }
    if (!this.#isEnded) throw new GatehouseError("TARGET_UNREACHABLE", "The target broke off its answer.");
    await sink.end();
  }

  #lost(stream: ClientHttp2Stream): GatehouseError {
    const isUnprocessed = stream.rstCode === NGHTTP2_REFUSED_STREAM || this.#session.isPassedOver(stream.id);
    if (isUnprocessed && !this.#isBodyTaken) return new Unprocessed();
    return new GatehouseError("TARGET_UNREACHABLE", "The target ended the stream without an answer.");
  }
}

/** Nothing of it is ever put into a table: what goes over one connection is of many clients, and has the gateway's secret in it. */
function requestList(head: OutgoingHead): string[] {
  const { method, target, host, fields, framing, trailers } = head;
  if (!isToken(method) || !isTarget(target)) {
    throw new GatehouseError(
      "INTERNAL",
      "A request line has characters that it must not have; nothing was sent.",
    );
  }
  const list = [
    ...[":method", method, ":scheme", "https", ":authority", host, ":path", target],
    ...headerList(fields, framing),
    ...(trailers ? ["te", "trailers"] : []),
  ];
  const names = list.filter((_, at) => at % 2 === 0);
  return Object.assign(list, { [sensitiveHeaders]: [...new Set(names)] });
}

function ready(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    stream.once("ready", resolve);
    stream.once("close", resolve);
  });
}

function isEnd(flags: number): boolean {
  return (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
}

/** What is malformed here is the target's, and nothing that the client is told to have done. */
function ofTarget<T>(receive: () => T): T {
  try {
    return receive();
  } catch (error) {
    throw error instanceof Malformed ? broken(error.message) : error;
  }
}

function broken(what: string): GatehouseError {
  return new GatehouseError("TARGET_REJECTED", `The target's answer is none: ${what}.`);
}
