import { GatehouseError } from "@gatehouse/core";
import { type ByteReader, ByteWriter } from "@gatehouse/wire";
import { readString } from "../../codec/strings.ts";

/*
 * What all packets are made of (draft-ietf-secsh-filexfer-02 section 3):
 *
 *   uint32  length of what follows
 *   byte    type
 *   uint32  request id, but for INIT and VERSION
 *   ....    by the type
 *
 * Strings and integers are those of SSH; uint64 is big-endian as well.
 */

/** Bytes of a handle, at most (section 6.3). */
export const MAX_HANDLE = 256;

/** @throws GatehouseError PROTOCOL_VIOLATION, as do all readers here, where the packet does not hold it */
export function readHandle(reader: ByteReader): string {
  const bytes = readString(reader);
  if (bytes.length > MAX_HANDLE) throw new GatehouseError("PROTOCOL_VIOLATION", "handle too long in packet");
  return bytes.toString("latin1");
}

export function readUint64(reader: ByteReader): bigint {
  return (BigInt(reader.uint32()) << 32n) | BigInt(reader.uint32());
}

/** A place in a file. No file is longer than a number can count exactly. */
export function readOffset(reader: ByteReader): number {
  const offset = reader.uint32() * 2 ** 32 + reader.uint32();
  if (!Number.isSafeInteger(offset))
    throw new GatehouseError("PROTOCOL_VIOLATION", "offset out of range in packet");
  return offset;
}

export function writeUint64(writer: ByteWriter, value: bigint): ByteWriter {
  return writer.uint32(Number(value >> 32n)).uint32(Number(value & 0xffff_ffffn));
}

export function writeOffset(writer: ByteWriter, value: number): ByteWriter {
  return writer.uint32(Math.floor(value / 2 ** 32)).uint32(value % 2 ** 32);
}

/** A packet as it goes on the wire, its length in front. */
export function framed(type: number, id: number, write: (writer: ByteWriter) => unknown): Buffer {
  const writer = new ByteWriter().int32(0).uint8(type).uint32(id);
  write(writer);
  return writer.setInt32(0, writer.length - 4).toBuffer();
}

/**
 * The front of a packet whose fields behind the id go as they are.
 * @param rest bytes of those
 */
export function packetHeader(type: number, id: number, rest: number): Buffer {
  const header = Buffer.allocUnsafe(9);
  header.writeUInt32BE(5 + rest, 0);
  header.writeUInt8(type, 4);
  header.writeUInt32BE(id, 5);
  return header;
}
