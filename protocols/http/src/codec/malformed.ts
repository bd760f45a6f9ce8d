import { GatehouseError } from "@gatehouse/core";

/** What the sender of a message is told of it, by status (RFC 9110, section 15.5 and 15.6). */
export type MalformedStatus = 400 | 413 | 414 | 426 | 431 | 501 | 505;

/**
 * A message that is not what its grammar says, or of which two readers could make two. What follows it on the connection can't be told
 * from it: the connection ends.
 */
export class Malformed extends GatehouseError {
  readonly status: MalformedStatus;

  /** @param message of the message's form, without a word that stands in it */
  constructor(message: string, status: MalformedStatus = 400) {
    super("PROTOCOL_VIOLATION", message);
    this.status = status;
  }
}
