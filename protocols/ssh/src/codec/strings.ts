import { GatehouseError } from "@gatehouse/core";
import { type ByteReader, type ByteWriter, decodeUtf8 } from "@gatehouse/wire";

/*
 * What SSH's messages are made of (RFC 4251 section 5):
 *
 *   boolean    one byte; anything but 0 is true
 *   string     uint32 length, and as many bytes
 *   mpint      a string with two's complement, big-endian, in as few bytes as will do
 *   name-list  a string of US-ASCII names with commas between them
 */

/** Names of a list; no peer has more. */
const MAX_NAMES = 200;
/** RFC 4251 section 6. */
const MAX_NAME = 64;

/** @throws GatehouseError PROTOCOL_VIOLATION, as do all readers here, where the message does not hold it */
export function readString(reader: ByteReader): Buffer {
  return reader.bytes(reader.uint32());
}

/** A string that is text: a second reader must not read another one from the same bytes. */
export function readText(reader: ByteReader): string {
  return decodeUtf8(readString(reader));
}

/** Text without a zero byte, at which some readers would stop: a host, a path, a variable. */
export function readPlain(reader: ByteReader): string {
  const text = readText(reader);
  if (text.includes("\0")) throw new GatehouseError("PROTOCOL_VIOLATION", "invalid text in message");
  return text;
}

/** A port. A larger number is another one to who cuts it to 16 bits. */
export function readPort(reader: ByteReader): number {
  const port = reader.uint32();
  if (port > 65_535) throw new GatehouseError("PROTOCOL_VIOLATION", "invalid port in message");
  return port;
}

export function readBoolean(reader: ByteReader): boolean {
  return reader.uint8() !== 0;
}

/** A name of an algorithm, a method or the like (RFC 4251 section 6). Empty ones pass: who expects one compares it. */
export function readName(reader: ByteReader): string {
  const bytes = readString(reader);
  if (bytes.length > MAX_NAME || bytes.some((byte) => byte <= 0x20 || byte >= 0x7f || byte === 0x2c)) {
    throw new GatehouseError("PROTOCOL_VIOLATION", "invalid name in message");
  }
  return bytes.toString("latin1");
}

export function readNameList(reader: ByteReader): readonly string[] {
  const bytes = readString(reader);
  if (bytes.length === 0) return [];
  if (bytes.some((byte) => byte <= 0x20 || byte >= 0x7f)) throw invalidList();
  const names = bytes.toString("latin1").split(",");
  if (names.length > MAX_NAMES || names.some((name) => name === "" || name.length > MAX_NAME))
    throw invalidList();
  return names;
}

function invalidList(): GatehouseError {
  return new GatehouseError("PROTOCOL_VIOLATION", "invalid name-list in message");
}

/** A number that is not negative, as big-endian bytes without zeros in front; empty for zero. */
export function readMpint(reader: ByteReader): Buffer {
  const bytes = readString(reader);
  const [first, second] = bytes;
  if (first === undefined) return bytes;
  const negative = first >= 0x80;
  // A zero in front is there to keep a number from being negative, and for nothing else.
  const padded = first === 0 && (second === undefined || second < 0x80);
  if (negative || padded) throw new GatehouseError("PROTOCOL_VIOLATION", "invalid mpint in message");
  return first === 0 ? bytes.subarray(1) : bytes;
}

/** @param value UTF-8 where it is a text */
export function writeString(writer: ByteWriter, value: string | Uint8Array): ByteWriter {
  const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
  return writer.uint32(bytes.length).bytes(bytes);
}

export function writeBoolean(writer: ByteWriter, value: boolean): ByteWriter {
  return writer.uint8(value ? 1 : 0);
}

export function writeNameList(writer: ByteWriter, names: readonly string[]): ByteWriter {
  return writeString(writer, names.join(","));
}

/** @param value a number that is not negative, big-endian */
export function writeMpint(writer: ByteWriter, value: Uint8Array): ByteWriter {
  let start = 0;
  while (start < value.length && value[start] === 0) start++;
  const bytes = value.subarray(start);
  const padded = (bytes[0] ?? 0) >= 0x80;
  writer.uint32(bytes.length + (padded ? 1 : 0));
  if (padded) writer.uint8(0);
  return writer.bytes(bytes);
}
