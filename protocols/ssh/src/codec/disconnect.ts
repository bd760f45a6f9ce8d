import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { number } from "./numbers.ts";
import { readText, writeString } from "./strings.ts";

/*
 * The last message of a side, and why (RFC 4253 section 11.1):
 *
 *   byte      1 SSH_MSG_DISCONNECT
 *   uint32    reason code
 *   string    description
 *   string    language tag
 */

/** Reason codes (RFC 4250 section 4.2.2). */
export const disconnectReason = {
  protocolError: 2,
  keyExchangeFailed: 3,
  macError: 5,
  serviceNotAvailable: 7,
  versionNotSupported: 8,
  hostKeyNotVerifiable: 9,
  connectionLost: 10,
  byApplication: 11,
  tooManyConnections: 12,
  cancelledByUser: 13,
  noMoreAuthMethods: 14,
} as const;

export interface Disconnect {
  readonly reason: number;
  readonly description: string;
}

export function decodeDisconnect(payload: Buffer): Disconnect {
  const reader = new ByteReader(payload.subarray(1));
  const disconnect = { reason: reader.uint32(), description: readText(reader) };
  // Some leave the language out.
  if (reader.remaining > 0) readText(reader);
  reader.end();
  return disconnect;
}

export function encodeDisconnect({ reason, description }: Disconnect): Buffer {
  const writer = new ByteWriter().uint8(number.disconnect).uint32(reason);
  return writeString(writeString(writer, description), "").toBuffer();
}
