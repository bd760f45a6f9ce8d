import { GatehouseError } from "@gatehouse/core";
import { ByteReader } from "@gatehouse/wire";
import { writeString } from "../../codec/strings.ts";
import { type Attributes, readAttributes, writeAttributes } from "./attributes.ts";
import { framed, MAX_HANDLE, readHandle, readOffset, writeOffset } from "./fields.ts";
import { packet } from "./numbers.ts";

/*
 * Requests about what is open (draft-ietf-secsh-filexfer-02 sections 6.3 to 6.8), behind their ids:
 *
 *   4 SSH_FXP_CLOSE, 8 SSH_FXP_FSTAT, 12 SSH_FXP_READDIR
 *                       string handle
 *   5 SSH_FXP_READ      string handle, uint64 offset, uint32 length
 *   6 SSH_FXP_WRITE     string handle, uint64 offset, string data
 *   10 SSH_FXP_FSETSTAT string handle, ATTRS
 */

export type HandleRequest =
  | { readonly type: "close" | "fstat" | "readdir"; readonly handle: string }
  | { readonly type: "read"; readonly handle: string; readonly offset: number; readonly length: number }
  | { readonly type: "fsetstat"; readonly handle: string; readonly attributes: Attributes };

/** The request behind its id; undefined where the type is another's. WRITE has a decoder of its own. */
export function readHandleRequest(type: number, reader: ByteReader): HandleRequest | undefined {
  switch (type) {
    case packet.close:
      return { type: "close", handle: readHandle(reader) };
    case packet.fstat:
      return { type: "fstat", handle: readHandle(reader) };
    case packet.readdir:
      return { type: "readdir", handle: readHandle(reader) };
    case packet.read:
      return {
        type: "read",
        handle: readHandle(reader),
        offset: readOffset(reader),
        length: reader.uint32(),
      };
    case packet.fsetstat:
      return { type: "fsetstat", handle: readHandle(reader), attributes: readAttributes(reader) };
    default:
      return undefined;
  }
}

export function encodeHandleRequest(id: number, request: HandleRequest): Buffer {
  return framed(packet[request.type], id, (writer) => {
    writeString(writer, Buffer.from(request.handle, "latin1"));
    if (request.type === "read") writeOffset(writer, request.offset).uint32(request.length);
    if (request.type === "fsetstat") writeAttributes(writer, request.attributes);
  });
}

export interface Write {
  readonly id: number;
  readonly handle: string;
  readonly offset: number;
  /** Where they lie, in order. */
  readonly data: readonly Buffer[];
  readonly length: number;
}

/** Bytes of a WRITE in front of its data, at most. */
export const WRITE_HEAD = 1 + 4 + 4 + MAX_HANDLE + 8 + 4;

/** @param parts the packet from its type on; all of `WRITE_HEAD`, or the whole packet, is in the first */
export function decodeWrite([head, ...more]: readonly [Buffer, ...Buffer[]]): Write {
  const reader = new ByteReader(head.subarray(1));
  const write = { id: reader.uint32(), handle: readHandle(reader), offset: readOffset(reader) };
  const length = reader.uint32();
  const first = reader.rest();
  const data = first.length === 0 ? more : [first, ...more];
  checkLength(data, length);
  return { ...write, data, length };
}

/** What goes in front of the data: they need not be copied together. */
export function writeHeader(id: number, { handle, offset, length }: Omit<Write, "id" | "data">): Buffer {
  const header = framed(packet.write, id, (writer) => {
    writeOffset(writeString(writer, Buffer.from(handle, "latin1")), offset).uint32(length);
  });
  header.writeUInt32BE(header.length - 4 + length, 0);
  return header;
}

/** @throws GatehouseError PROTOCOL_VIOLATION where the data are shorter or longer than the packet says */
export function checkLength(data: readonly Buffer[], length: number): void {
  const bytes = data.reduce((sum, part) => sum + part.length, 0);
  if (bytes !== length) throw new GatehouseError("PROTOCOL_VIOLATION", "invalid length of data in packet");
}
