import { GatehouseError } from "@gatehouse/core";

/** What a peer is told that broke the rules (RFC 6455, section 7.4.1): of the protocol, of UTF-8, of the size. */
type ViolationCode = 1002 | 1007 | 1009;

/** A frame that is not what its grammar says, or that no bound has room for. Nothing behind it is read. */
export class Violation extends GatehouseError {
  readonly closeCode: ViolationCode;

  /** @param message of the frame's form, without a word that stands in it */
  constructor(message: string, closeCode: ViolationCode = 1002) {
    super("PROTOCOL_VIOLATION", message);
    this.closeCode = closeCode;
  }
}
