import { GatehouseError } from "@gatehouse/core";
import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame } from "./framing.ts";

/*
 * NegotiateProtocolVersion (B)
 *   Byte1('v')  Int32 length
 *   Int32       newest protocol version that the server has, of the major version asked for
 *   Int32       number of options that it does not know, and for each
 *     String    its name
 */
export function encodeNegotiateProtocolVersion(
  version: { readonly major: number; readonly minor: number },
  unknownOptions: readonly string[],
): Buffer {
  const writer = new ByteWriter().int32((version.major << 16) | version.minor).int32(unknownOptions.length);
  for (const option of unknownOptions) writer.cstring(option);
  return frame("v", writer.toBuffer());
}

/**
 * Reads it as who has asked for 3.0 and for no options: any 3.x is at least that, and there is nothing to give up.
 * @throws GatehouseError PROTOCOL_VIOLATION
 */
export function checkNegotiateProtocolVersion(body: Buffer): void {
  const reader = new ByteReader(body);
  const major = reader.int32() >>> 16;
  for (let left = reader.uint32(); left > 0; left--) reader.cstring();
  reader.end();
  if (major !== 3)
    throw new GatehouseError("PROTOCOL_VIOLATION", "the target speaks no version 3 of the protocol");
}
