import { GatehouseError } from "@gatehouse/core";
import { number } from "../codec/numbers.ts";

/** What a peer is doing. */
export type Stage =
  /** It has to begin the first key exchange. */
  | "first"
  /** It has begun it, and not ended it. */
  | "first exchange"
  /** It is let in, or not yet. */
  | "known"
  | "unknown"
  /** It was asked for new keys. */
  | "asked"
  /** It has begun to exchange new keys, and not ended that. */
  | "exchange";

/**
 * @param type the message's number
 * @throws GatehouseError PROTOCOL_VIOLATION for a message that may not come at this stage
 */
export function checkOrder(type: number, stage: Stage): void {
  if (!mayCome(type, stage))
    throw new GatehouseError("PROTOCOL_VIOLATION", `message ${type} may not come now`);
}

function mayCome(type: number, stage: Stage): boolean {
  const ofExchange = type === number.newKeys || isOfExchange(type);
  switch (stage) {
    // Strict key exchange (OpenSSH's PROTOCOL, section 1.10), and of peers without it as well.
    case "first":
      return type === number.kexInit || type === number.disconnect;
    case "first exchange":
      return ofExchange || type === number.disconnect;
    // RFC 4253 section 7.1.
    case "exchange":
      return ofExchange || type === number.disconnect || isAside(type);
    // RFC 8308 section 2.4: not once the client is let in.
    case "known":
    case "asked":
      return !ofExchange && type !== number.extInfo;
    case "unknown":
      return !ofExchange;
  }
}

/** Numbers 30 to 49 (RFC 4250 section 4.1.1). */
export function isOfExchange(type: number): boolean {
  return type >= number.kexExchangeInit && type < number.userauthRequest;
}

export function isAside(type: number): boolean {
  return type === number.ignore || type === number.unimplemented || type === number.debug;
}
