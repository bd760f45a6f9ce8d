import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame, typeCode } from "./framing.ts";

/*
 * ReadyForQuery (B)
 *   Byte1('Z')  Int32 length
 *   Byte1       'I' idle, 'T' in a transaction, 'E' in a failed one
 */
export type TransactionStatus = "idle" | "open" | "failed";

/** @throws GatehouseError PROTOCOL_VIOLATION */
export function decodeReadyForQuery(body: Buffer): TransactionStatus {
  const status = new ByteReader(body).uint8();
  return status === typeCode("I") ? "idle" : status === typeCode("T") ? "open" : "failed";
}

export function encodeReadyForQuery(): Buffer {
  return frame("Z", new ByteWriter().uint8(typeCode("I")).toBuffer());
}
