import type { Clock, Mask, OpenSession, ValueMasks } from "@gatehouse/core";
import type { Budgets } from "../budgets/budgets.ts";
import type { Spending } from "../budgets/spending.ts";
import type { ClientExchange } from "../client-exchange.ts";
import type { Fields } from "../codec/fields.ts";
import type { ResponseHead } from "../codec/response-head.ts";
import type { HttpCommand } from "../commands.ts";
import type { Switched } from "../connection/switched.ts";
import { type Answering, type AnswerHead, switchingHead } from "../incoming.ts";
import { type AnswerTerms, interimMask } from "../masking/answer-mask.ts";
import { withoutSecrets } from "../masking/redaction-stream.ts";
import type { Sink } from "../masking/sink.ts";
import { settingsOf, termsOf } from "../settings.ts";
import type { Outgoing, TargetAnswer } from "../upstream/target-link.ts";
import { TargetHandshake, type Upgrade } from "./handshake.ts";
import { relayWebSocket } from "./relay.ts";

/** What a WebSocket needs to know of the request that asked for it. */
export interface Opened {
  readonly session: OpenSession;
  readonly command: HttpCommand;
  /** Of its decision. */
  readonly masks: readonly Mask[];
  readonly values: ValueMasks;
  readonly budgets: Budgets;
  readonly spending: Spending;
  readonly clock: Clock;
}

/** A request that asks for a WebSocket: how it is sent on, and what becomes of it where its target agrees. */
export class WebSocketUpgrade implements TargetAnswer {
  readonly #handshake: TargetHandshake;
  readonly #answer: TargetAnswer;
  readonly #answering: Answering;
  readonly #terms: AnswerTerms;
  #head: AnswerHead | undefined;

  /** @param answer takes all that is not the target's agreement */
  constructor(upgrade: Upgrade, answer: TargetAnswer, answering: Answering, terms: AnswerTerms) {
    this.#handshake = new TargetHandshake(upgrade);
    this.#answer = answer;
    this.#answering = answering;
    this.#terms = terms;
  }

  /** The request with the gateway's own handshake in it. One is for one connection: such a request is not sent twice. */
  asking(outgoing: Outgoing): Outgoing {
    return {
      ...outgoing,
      fields: [...outgoing.fields, ...this.#handshake.fields],
      ...{ framing: { kind: "none" }, trailers: false, switches: true },
    };
  }

  interim(head: ResponseHead): void {
    this.#answer.interim(head);
  }

  switching(head: ResponseHead): void {
    const own = this.#handshake.accept(head);
    this.#head = switchingHead(interimMask(head, this.#terms), own, this.#answering);
  }

  begin(head: ResponseHead): Sink {
    return this.#answer.begin(head);
  }

  end(trailers: Fields): Promise<void> {
    return this.#answer.end(trailers);
  }

  /** Tells the client that its target has agreed, and serves the WebSocket to its end; it hangs up at both sides. */
  async relay(client: ClientExchange, { socket, early }: Switched, opened: Opened): Promise<void> {
    const { session, command, masks, values, spending, budgets, clock } = opened;
    const { identity, target } = session.session;
    const settings = settingsOf(target);
    let own: Switched;
    try {
      if (this.#head === undefined || client.switch === undefined) {
        throw new TypeError("A WebSocket begins where nobody has agreed to it.");
      }
      own = await client.switch(this.#head);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    await relayWebSocket({
      ...{ client: own.socket, clientHead: own.early, target: socket, targetHead: early },
      ...{ session, masks, values, clock },
      opening: { ...termsOf(settings), command },
      redacted: (next) => spending.watched(undefined, withoutSecrets(this.#answering.redactor.forms, next)),
      budget: {
        take: () => {
          const taken = budgets.take(identity, target, settings.budget);
          return taken.ok ? undefined : taken.refusal;
        },
        sent: (bytes) => spending.sent(bytes),
        received: (bytes) => spending.received(bytes),
      },
      gone: client.gone,
    });
  }
}
