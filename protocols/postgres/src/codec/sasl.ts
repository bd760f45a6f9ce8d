import { ByteWriter } from "@gatehouse/wire";
import { frame } from "./framing.ts";

/*
 * SASLInitialResponse (F)
 *   Byte1('p')  Int32 length
 *   String      name of the mechanism
 *   Int32       length of the data
 *   Byte n      data
 */
export function encodeSaslInitialResponse(mechanism: string, data: string): Buffer {
  const bytes = Buffer.from(data, "utf8");
  return frame("p", new ByteWriter().cstring(mechanism).int32(bytes.length).bytes(bytes).toBuffer());
}

/*
 * SASLResponse (F)
 *   Byte1('p')  Int32 length
 *   Byte n      data
 */
export function encodeSaslResponse(data: string): Buffer {
  return frame("p", Buffer.from(data, "utf8"));
}
