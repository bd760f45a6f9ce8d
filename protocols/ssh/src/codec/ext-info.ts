import { GatehouseError } from "@gatehouse/core";
import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { number } from "./numbers.ts";
import { readName, readString, writeString } from "./strings.ts";

/*
 * What a side can do beyond the standard (RFC 8308 section 2.3):
 *
 *   byte      7 SSH_MSG_EXT_INFO
 *   uint32    how many
 *   string    extension name    } so many times
 *   string    extension value   }
 */

/** Extensions that a peer may have; OpenSSH has four. */
const MOST = 64;

export function decodeExtInfo(payload: Buffer): ReadonlyMap<string, Buffer> {
  const reader = new ByteReader(payload.subarray(1));
  const count = reader.uint32();
  if (count > MOST) throw new GatehouseError("PROTOCOL_VIOLATION", "too many extensions");
  const extensions = new Map<string, Buffer>();
  for (let left = count; left > 0; left--) extensions.set(readName(reader), readString(reader));
  reader.end();
  return extensions;
}

export function encodeExtInfo(extensions: ReadonlyMap<string, Uint8Array>): Buffer {
  const writer = new ByteWriter().uint8(number.extInfo).uint32(extensions.size);
  for (const [name, value] of extensions) writeString(writeString(writer, name), value);
  return writer.toBuffer();
}
