import { ByteWriter } from "@gatehouse/wire";

/*
 * StartupMessage (F)
 *   Int32   length
 *   Int32   196608: protocol 3.0
 *   String name, String value, and so on; a zero byte at the end
 */
export function encodeStartupMessage(parameters: ReadonlyMap<string, string>): Buffer {
  const writer = new ByteWriter().int32(0).int32(196_608);
  for (const [name, value] of parameters) writer.cstring(name).cstring(value);
  writer.uint8(0);
  return writer.setInt32(0, writer.length).toBuffer();
}
