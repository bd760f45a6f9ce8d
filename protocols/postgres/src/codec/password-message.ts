import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame } from "./framing.ts";

/*
 * PasswordMessage (F)
 *   Byte1('p')  Int32 length
 *   String      the password
 */

/** @throws GatehouseError PROTOCOL_VIOLATION */
export function decodePasswordMessage(body: Buffer): string {
  const reader = new ByteReader(body);
  const password = reader.cstring();
  reader.end();
  return password;
}

export function encodePasswordMessage(password: string): Buffer {
  return frame("p", new ByteWriter().cstring(password).toBuffer());
}
