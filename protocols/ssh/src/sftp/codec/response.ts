import { GatehouseError } from "@gatehouse/core";
import { ByteReader } from "@gatehouse/wire";
import { readString, writeString } from "../../codec/strings.ts";
import { type Attributes, readAttributes, writeAttributes } from "./attributes.ts";
import { framed, packetHeader, readHandle } from "./fields.ts";
import { checkLength } from "./handle-request.ts";
import { packet } from "./numbers.ts";

/*
 * Answers (draft-ietf-secsh-filexfer-02 section 7), behind their ids:
 *
 *   101 SSH_FXP_STATUS          uint32 code, string message, string language; early servers end behind the code
 *   102 SSH_FXP_HANDLE          string handle
 *   103 SSH_FXP_DATA            string data
 *   104 SSH_FXP_NAME            uint32 count, and as often: string name, string long name, ATTRS
 *   105 SSH_FXP_ATTRS           ATTRS
 *   201 SSH_FXP_EXTENDED_REPLY  by what was asked
 */

export type Response =
  | { readonly type: "status"; readonly code: number }
  | { readonly type: "handle"; readonly handle: string }
  | { readonly type: "name"; readonly names: readonly Buffer[] }
  | { readonly type: "attrs"; readonly attributes: Attributes }
  | { readonly type: "extended"; readonly data: Buffer };

/** @param body the packet from its type on */
export function decodeResponse(body: Buffer): { readonly id: number; readonly response: Response } {
  const reader = new ByteReader(body);
  const type = reader.uint8();
  const id = reader.uint32();
  const response = readResponse(type, reader);
  reader.end();
  return { id, response };
}

function readResponse(type: number, reader: ByteReader): Response {
  switch (type) {
    case packet.status: {
      const code = reader.uint32();
      if (reader.remaining > 0) readString(reader);
      if (reader.remaining > 0) readString(reader);
      return { type: "status", code };
    }
    case packet.handle:
      return { type: "handle", handle: readHandle(reader) };
    case packet.name:
      return { type: "name", names: readNames(reader) };
    case packet.attrs:
      return { type: "attrs", attributes: readAttributes(reader) };
    case packet.extendedReply:
      return { type: "extended", data: reader.rest() };
    default:
      throw new GatehouseError("PROTOCOL_VIOLATION", `unknown type of answer: ${String(type)}`);
  }
}

function readNames(reader: ByteReader): readonly Buffer[] {
  const count = reader.uint32();
  // Two strings and flags, all empty.
  if (count * 12 > reader.remaining)
    throw new GatehouseError("PROTOCOL_VIOLATION", "invalid count of names in packet");
  return Array.from({ length: count }, () => {
    const name = readString(reader);
    readString(reader);
    readAttributes(reader);
    return name;
  });
}

/** Bytes of a DATA in front of its data. */
export const DATA_HEAD = 1 + 4 + 4;

export interface Data {
  readonly id: number;
  /** Where they lie, in order. */
  readonly data: readonly Buffer[];
  readonly length: number;
}

/** @param parts the packet from its type on; `DATA_HEAD`, or the whole packet, is in the first */
export function decodeData([head, ...more]: readonly [Buffer, ...Buffer[]]): Data {
  const reader = new ByteReader(head.subarray(1));
  const id = reader.uint32();
  const length = reader.uint32();
  const first = reader.rest();
  const data = first.length === 0 ? more : [first, ...more];
  checkLength(data, length);
  return { id, data, length };
}

/** What goes in front of the data: they need not be copied together. */
export function dataHeader(id: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(13);
  packetHeader(packet.data, id, 4 + length).copy(header);
  header.writeUInt32BE(length, 9);
  return header;
}

export function encodeStatus(id: number, code: number, message: string): Buffer {
  return framed(packet.status, id, (writer) => writeString(writeString(writer.uint32(code), message), "en"));
}

export function encodeHandle(id: number, handle: string): Buffer {
  return framed(packet.handle, id, (writer) => writeString(writer, Buffer.from(handle, "latin1")));
}

export function encodeNames(id: number, names: readonly Buffer[]): Buffer {
  return framed(packet.name, id, (writer) => {
    writer.uint32(names.length);
    for (const name of names) writeAttributes(writeString(writeString(writer, name), name), {});
  });
}

export function encodeAttributes(id: number, attributes: Attributes): Buffer {
  return framed(packet.attrs, id, (writer) => writeAttributes(writer, attributes));
}

/**
 * What the extensions answer, where it is no other answer: eleven numbers of a file system, four limits, or the names of
 * users and of groups.
 * @throws GatehouseError PROTOCOL_VIOLATION where it is not that
 */
export function checkReply(of: "statvfs" | "limits" | "users-groups-by-id", data: Buffer): void {
  const reader = new ByteReader(data);
  if (of === "users-groups-by-id") {
    for (let list = 0; list < 2; list++) {
      const names = new ByteReader(readString(reader));
      while (names.remaining > 0) readString(names);
    }
  } else {
    reader.bytes(8 * (of === "statvfs" ? 11 : 4));
  }
  reader.end();
}
