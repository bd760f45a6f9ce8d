import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { readUint64, writeUint64 } from "./fields.ts";

/*
 * What limits@openssh.com answers (OpenSSH's PROTOCOL, section 4.8); 0 is a limit that is not known:
 *
 *   uint64  bytes of a packet
 *   uint64  bytes of a READ
 *   uint64  bytes of a WRITE
 *   uint64  open handles
 */

/** What a packet of data has beside the data, at most. */
export const PACKET_OVERHEAD = 1024;

/** The target's answer, or less: a client must not be told that it may send what the gateway does not take. */
export function limitsWithin(data: Buffer, maxPacket: number): Buffer {
  const reader = new ByteReader(data);
  const [whole, ofData] = [BigInt(maxPacket), BigInt(maxPacket - PACKET_OVERHEAD)];
  const writer = new ByteWriter(32);
  for (const most of [whole, ofData, ofData]) {
    const limit = readUint64(reader);
    writeUint64(writer, limit === 0n || limit > most ? most : limit);
  }
  return writer.bytes(reader.bytes(8)).toBuffer();
}
