import { GatehouseError } from "@gatehouse/core";
import { ByteReader } from "@gatehouse/wire";
import { readString } from "../../codec/strings.ts";
import { encodeExtendedRequest, type ExtendedRequest, readExtendedRequest } from "./extended-request.ts";
import { encodeHandleRequest, type HandleRequest, readHandleRequest } from "./handle-request.ts";
import { packet } from "./numbers.ts";
import { encodePathRequest, type PathRequest, readPathRequest } from "./path-request.ts";

/** All that a client asks for, but for INIT and WRITE. */
export type Request = PathRequest | HandleRequest | ExtendedRequest;

export interface Requested {
  readonly id: number;
  /** Undefined for an extension that is not known. */
  readonly request: Request | undefined;
}

/**
 * @param body the packet from its type on
 * @throws GatehouseError PROTOCOL_VIOLATION where it is no request, or does not keep to its grammar
 */
export function decodeRequest(body: Buffer): Requested {
  const reader = new ByteReader(body);
  const type = reader.uint8();
  const id = reader.uint32();
  if (type === packet.extended) {
    const request = readExtendedRequest(readString(reader).toString("latin1"), reader);
    if (request) reader.end();
    return { id, request };
  }
  const request = readPathRequest(type, reader) ?? readHandleRequest(type, reader);
  if (!request) throw new GatehouseError("PROTOCOL_VIOLATION", `unknown type of packet: ${String(type)}`);
  reader.end();
  return { id, request };
}

/** The packet with its length in front. */
export function encodeRequest(id: number, request: Request): Buffer {
  switch (request.type) {
    case "close":
    case "fstat":
    case "readdir":
    case "read":
    case "fsetstat":
      return encodeHandleRequest(id, request);
    case "open":
    case "lstat":
    case "stat":
    case "opendir":
    case "remove":
    case "rmdir":
    case "realpath":
    case "readlink":
    case "setstat":
    case "mkdir":
    case "rename":
    case "symlink":
      return encodePathRequest(id, request);
    default:
      return encodeExtendedRequest(id, request);
  }
}
