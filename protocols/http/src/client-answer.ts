import { GatehouseError } from "@gatehouse/core";
import type { ClientExchange } from "./client-exchange.ts";
import type { Fields } from "./codec/fields.ts";
import type { ResponseHead } from "./codec/response-head.ts";
import type { TakeContent } from "./connection/message-reader.ts";
import {
  type Answering,
  incomingHead,
  incomingTrailers,
  interimHead,
  refusesCredential,
} from "./incoming.ts";
import type { TargetAnswer } from "./upstream/target-link.ts";

/** What a target answers, on its way to the client. */
export class ClientAnswer implements TargetAnswer {
  readonly #client: ClientExchange;
  readonly #answering: Answering;

  constructor(client: ClientExchange, answering: Answering) {
    this.#client = client;
    this.#answering = answering;
  }

  interim(head: ResponseHead): void {
    const before = interimHead(head, this.#answering);
    if (before) this.#client.interim(before);
  }

  /** @throws GatehouseError TARGET_AUTHENTICATION where the target has not taken the gateway's credential; Malformed */
  begin(head: ResponseHead): TakeContent {
    if (refusesCredential(head, this.#answering.cookies)) {
      throw new GatehouseError("TARGET_AUTHENTICATION", `The target answered with ${head.status}.`);
    }
    this.#client.begin(incomingHead(head, this.#answering));
    return (content) => this.#client.write(content);
  }

  async end(trailers: Fields): Promise<void> {
    await this.#client.end(incomingTrailers(trailers, this.#answering));
  }
}
