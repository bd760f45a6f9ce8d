import type { Fields } from "./codec/fields.ts";
import type { RequestHead } from "./codec/request-head.ts";
import type { RequestBody } from "./connection/request-body.ts";
import type { Switched } from "./connection/switched.ts";
import type { AnswerHead } from "./incoming.ts";
import type { OwnAnswer } from "./refusal.ts";

/** One request's client: it has asked, and takes the answer. Over a connection of HTTP/1, or a stream of HTTP/2. */
export interface ClientExchange {
  readonly head: RequestHead;
  readonly body: RequestBody;
  /** Aborts when the client has gone, or has taken its request back. */
  readonly gone: AbortSignal;
  /** Whether the client has the beginning of an answer. */
  readonly isBegun: boolean;

  /** Begins to read the body. */
  start(): void;
  /** Asks for the body where its client keeps it until then (RFC 9110, section 10.1.1). */
  askForBody(): void;
  /** Looks out for the client's leaving while nothing is read: who waits for a person must be seen to go. Later calls add to it. */
  watch(left: () => void): void;

  /** A head with a status of 100 to 199 before the answer's own. */
  interim(head: AnswerHead): void;
  begin(head: AnswerHead): void;
  /**
   * A piece of the answer's body.
   * @returns undefined where there is room for more at once; else resolves when there is
   * @throws GatehouseError PROTOCOL_VIOLATION where the client has gone
   */
  write(content: readonly Buffer[]): Promise<void> | undefined;
  /** @param trailers are sent where the client takes them */
  end(trailers: Fields): Promise<void> | undefined;
  /** An answer of the gateway's own, whole. */
  answer(own: OwnAnswer): void;
  /** Tells the client that another protocol is spoken from here on, and leaves its connection to whoever speaks it. Absent where there is no such change. */
  switch?(head: AnswerHead): Promise<Switched>;
  /** Breaks the answer off: the client sees that it is not whole. */
  cut(): void;
}
