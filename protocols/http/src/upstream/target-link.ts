import { GatehouseError } from "@gatehouse/core";
import type { Fields } from "../codec/fields.ts";
import type { ResponseHead } from "../codec/response-head.ts";
import type { RequestBody } from "../connection/request-body.ts";
import type { Switched } from "../connection/switched.ts";
import type { Sink } from "../masking/sink.ts";
import type { OutgoingHead } from "../outgoing.ts";

/** A request as it goes to a target, with the credential in it. */
export interface Outgoing extends OutgoingHead {
  readonly body: Pick<RequestBody, "isWhole" | "sendTo">;
}

/** Who takes what a target answers. */
export interface TargetAnswer {
  /** A head with a status of 100 to 199. @throws Malformed */
  interim(head: ResponseHead): void;
  /** The head by which the target changes the protocol; without this, it must not. @throws Malformed where that is not what was asked for */
  switching?(head: ResponseHead): void;
  /** @returns takes the body @throws Malformed */
  begin(head: ResponseHead): Sink;
  /** The body has been taken, and its sink's end been told. */
  end(trailers: Fields): Promise<void>;
}

/** Told how far a request has come. */
export interface Progress {
  /** Something of it goes out: the target may do what it asks for. */
  sent(): void;
  /** The target has all of it, and has not begun to answer. */
  waiting(): void;
  /** Something of the answer is there: another target must not be asked once more. */
  answered(): void;
  /** The answer's own head is there. */
  begun(): void;
}

/** A way to a target on which one request can go now. */
export interface TargetLink {
  /**
   * Sends a request, and hands on its answer but for the end.
   * @returns the answer's trailers, and whether the link can take another request
   * @throws GatehouseError of the TARGET_ family: TARGET_UNREACHABLE where the link was lost, Unprocessed where that is all that has happened;
   * Malformed where the client's own body is none; what the client's side throws
   */
  exchange(outgoing: Outgoing, answer: TargetAnswer, progress: Progress): Promise<Answered>;
  destroy(): void;
}

export interface Answered {
  readonly trailers: Fields;
  readonly isReusable: boolean;
  /** Where the protocol was changed. The link is nobody else's any more. */
  readonly switched?: Switched;
}

/** The target is certain not to have looked at the request (RFC 9113, section 8.7), and nothing of its body has been taken. */
export class Unprocessed extends GatehouseError {
  constructor() {
    super("TARGET_UNREACHABLE", "The target refused the stream.");
  }
}
