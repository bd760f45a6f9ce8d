import type { GatehouseError } from "@gatehouse/core";
import { type Disconnect, disconnectReason } from "../codec/disconnect.ts";
import { ForgedPacket } from "./ciphers.ts";

/** Characters of a peer's words that are passed on. */
const MOST = 200;

/** What a peer is told of why it is left. */
export function lastWords(why: GatehouseError): Disconnect {
  if (why instanceof ForgedPacket) return { reason: disconnectReason.macError, description: why.message };
  if (why.code === "TARGET_UNVERIFIED") {
    return { reason: disconnectReason.hostKeyNotVerifiable, description: "host key not verifiable" };
  }
  // What else may have gone wrong is nothing for a peer to know.
  const description = why.code === "PROTOCOL_VIOLATION" ? why.message : "internal error";
  return { reason: disconnectReason.protocolError, description };
}

/** What a peer says of why it leaves, so that it can be shown: it may write anything, to a terminal too. */
export function shown(description: string): string {
  return Array.from(description.slice(0, MOST), (char) => (/\p{C}/u.test(char) ? "?" : char)).join("");
}
