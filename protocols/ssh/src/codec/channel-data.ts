import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { number } from "./numbers.ts";
import { readString } from "./strings.ts";

/*
 * What passes on a channel (RFC 4254 section 5.2 and 5.3):
 *
 *   byte      93 SSH_MSG_CHANNEL_WINDOW_ADJUST
 *   uint32    recipient channel
 *   uint32    bytes to add
 *
 *   byte      94 SSH_MSG_CHANNEL_DATA
 *   uint32    recipient channel
 *   string    data
 *
 *   byte      95 SSH_MSG_CHANNEL_EXTENDED_DATA
 *   uint32    recipient channel
 *   uint32    data type code
 *   string    data
 *
 *   byte      96 SSH_MSG_CHANNEL_EOF, 97 SSH_MSG_CHANNEL_CLOSE
 *   uint32    recipient channel
 */

/** The one type of extended data there is. */
export const STDERR = 1;

/** The number of the channel that a message is for, at its receiver. */
export function recipientOf(payload: Buffer): number {
  return new ByteReader(payload.subarray(1, 5)).uint32();
}

/** The data of a CHANNEL_DATA, where they lie. */
export function decodeChannelData(payload: Buffer): Buffer {
  const reader = new ByteReader(payload.subarray(5));
  const data = readString(reader);
  reader.end();
  return data;
}

export function decodeExtendedData(payload: Buffer): { readonly type: number; readonly data: Buffer } {
  const reader = new ByteReader(payload.subarray(5));
  const extended = { type: reader.uint32(), data: readString(reader) };
  reader.end();
  return extended;
}

/** What goes in front of the data: they need not be copied together. */
export function dataHeader(recipient: number, length: number): Buffer {
  return new ByteWriter(9).uint8(number.channelData).uint32(recipient).uint32(length).toBuffer();
}

export function extendedDataHeader(recipient: number, type: number, length: number): Buffer {
  const writer = new ByteWriter(13).uint8(number.channelExtendedData).uint32(recipient);
  return writer.uint32(type).uint32(length).toBuffer();
}

export function decodeWindowAdjust(payload: Buffer): number {
  const reader = new ByteReader(payload.subarray(5));
  const bytes = reader.uint32();
  reader.end();
  return bytes;
}

export function encodeWindowAdjust(recipient: number, bytes: number): Buffer {
  return new ByteWriter(9).uint8(number.channelWindowAdjust).uint32(recipient).uint32(bytes).toBuffer();
}

export function encodeEof(recipient: number): Buffer {
  return new ByteWriter(5).uint8(number.channelEof).uint32(recipient).toBuffer();
}

export function encodeClose(recipient: number): Buffer {
  return new ByteWriter(5).uint8(number.channelClose).uint32(recipient).toBuffer();
}
