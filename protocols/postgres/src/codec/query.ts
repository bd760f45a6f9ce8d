import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame } from "./framing.ts";

/*
 * Query (F)
 *   Byte1('Q')  Int32 length
 *   String      the text: statements, divided by semicolons
 */

/**
 * The text's bytes: in which encoding they are, only the session knows.
 * @throws GatehouseError PROTOCOL_VIOLATION
 */
export function decodeQuery(body: Buffer): Buffer {
  const reader = new ByteReader(body);
  const text = reader.cstringBytes();
  reader.end();
  return text;
}

export function encodeQuery(text: string): Buffer {
  return frame("Q", new ByteWriter().cstring(text).toBuffer());
}
