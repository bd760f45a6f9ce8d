import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { number } from "./numbers.ts";
import { readBoolean, readString, readText, writeString } from "./strings.ts";

/*
 * What changes nothing (RFC 4253 section 11.2 to 11.4):
 *
 *   byte      2 SSH_MSG_IGNORE
 *   string    data
 *
 *   byte      3 SSH_MSG_UNIMPLEMENTED
 *   uint32    sequence number of the packet that was not understood
 *
 *   byte      4 SSH_MSG_DEBUG
 *   boolean   always display
 *   string    message
 *   string    language tag
 */

/** Looks at an aside only to see that it is one. */
export function checkAside(payload: Buffer): void {
  const reader = new ByteReader(payload.subarray(1));
  switch (payload[0]) {
    case number.unimplemented:
      reader.uint32();
      break;
    case number.debug:
      readBoolean(reader);
      readText(reader);
      readText(reader);
      break;
    default:
      readString(reader);
  }
  reader.end();
}

export function encodeIgnore(data: Uint8Array): Buffer {
  return writeString(new ByteWriter().uint8(number.ignore), data).toBuffer();
}

export function encodeUnimplemented(sequence: number): Buffer {
  return new ByteWriter(5).uint8(number.unimplemented).uint32(sequence).toBuffer();
}
