import { GatehouseError } from "@gatehouse/core";
import type { ClientExchange } from "./client-exchange.ts";
import type { Fields } from "./codec/fields.ts";
import type { ResponseHead } from "./codec/response-head.ts";
import {
  type Answering,
  incomingHead,
  incomingTrailers,
  interimHead,
  refusesCredential,
} from "./incoming.ts";
import { type AnswerMask, answerMask, type AnswerTerms, interimMask } from "./masking/answer-mask.ts";
import type { Sink } from "./masking/sink.ts";
import type { TargetAnswer } from "./upstream/target-link.ts";

/** What a target answers, on its way to the client. */
export class ClientAnswer implements TargetAnswer {
  readonly #client: ClientExchange;
  readonly #answering: Answering;
  readonly #terms: AnswerTerms;
  readonly #received: (bytes: number) => void;
  #mask: Extract<AnswerMask, { ok: true }> | undefined;

  /** @param terms what of it the client may see @param received is told of the bytes of its body, as they come */
  constructor(
    client: ClientExchange,
    answering: Answering,
    terms: AnswerTerms,
    received: (bytes: number) => void,
  ) {
    this.#client = client;
    this.#received = received;
    this.#answering = answering;
    this.#terms = terms;
  }

  interim(head: ResponseHead): void {
    const before = interimHead(interimMask(head, this.#terms), this.#answering);
    if (before) this.#client.interim(before);
  }

  /**
   * @throws GatehouseError TARGET_AUTHENTICATION where the target has not taken the gateway's credential, ANSWER_UNREADABLE where nobody can tell what is in
   * it that must not be seen; Malformed
   */
  begin(head: ResponseHead): Sink {
    if (refusesCredential(head, this.#answering.cookies)) {
      throw new GatehouseError("TARGET_AUTHENTICATION", `The target answered with ${head.status}.`);
    }
    const mask = answerMask(head, this.#terms, clientSink(this.#client));
    if (!mask.ok) throw new GatehouseError("ANSWER_UNREADABLE", mask.message);
    this.#mask = mask;
    const { reason, fields, changed } = mask;
    this.#client.begin(incomingHead({ ...head, reason, fields, changed }, this.#answering));
    const { sink } = mask;
    return {
      write: (content) => {
        for (const { length } of content) this.#received(length);
        return sink.write(content);
      },
      end: () => sink.end(),
      abort: () => {
        sink.abort();
      },
    };
  }

  async end(trailers: Fields): Promise<void> {
    await this.#client.end(incomingTrailers(this.#mask?.trailers(trailers) ?? trailers, this.#answering));
  }
}

/** The last step of a body's way. Its end comes with the trailers. */
function clientSink(client: ClientExchange): Sink {
  return {
    write: (content) => client.write(content),
    end: () => undefined,
    abort: () => undefined,
  };
}
