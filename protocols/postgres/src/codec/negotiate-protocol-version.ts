import { ByteWriter } from "@gatehouse/wire";
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
