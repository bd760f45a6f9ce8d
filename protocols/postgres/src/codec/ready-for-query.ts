import { GatehouseError } from "@gatehouse/core";
import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame, typeCode } from "./framing.ts";

/*
 * ReadyForQuery (B)
 *   Byte1('Z')  Int32 length
 *   Byte1       'I' idle, 'T' in a transaction, 'E' in a failed one
 */
export type TransactionStatus = "idle" | "open" | "failed";

const STATUS: ReadonlyMap<number, TransactionStatus> = new Map([
  [typeCode("I"), "idle"],
  [typeCode("T"), "open"],
  [typeCode("E"), "failed"],
]);

/** @throws GatehouseError PROTOCOL_VIOLATION */
export function decodeReadyForQuery(body: Buffer): TransactionStatus {
  const reader = new ByteReader(body);
  const status = STATUS.get(reader.uint8());
  reader.end();
  if (status === undefined) throw new GatehouseError("PROTOCOL_VIOLATION", "unknown transaction status");
  return status;
}

export function encodeReadyForQuery(): Buffer {
  return frame("Z", new ByteWriter().uint8(typeCode("I")).toBuffer());
}
