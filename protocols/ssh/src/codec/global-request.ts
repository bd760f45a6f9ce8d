import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { number } from "./numbers.ts";
import { readBoolean, readName, readPlain, readPort, writeBoolean, writeString } from "./strings.ts";

/*
 * A request that is about no channel (RFC 4254 section 4), and its answers:
 *
 *   byte      80 SSH_MSG_GLOBAL_REQUEST
 *   string    request name
 *   boolean   want reply
 *   ....      by the name
 *
 *   byte      81 SSH_MSG_REQUEST_SUCCESS
 *   ....      by the name of what was asked
 *
 *   byte      82 SSH_MSG_REQUEST_FAILURE
 */

export interface GlobalRequest {
  readonly name: string;
  readonly wantReply: boolean;
  /** What stands behind; each name has a grammar of its own. */
  readonly data: Buffer;
}

/** @throws GatehouseError PROTOCOL_VIOLATION, as do all decoders of this folder */
export function decodeGlobalRequest(payload: Buffer): GlobalRequest {
  const reader = new ByteReader(payload.subarray(1));
  return { name: readName(reader), wantReply: readBoolean(reader), data: reader.rest() };
}

export function encodeGlobalRequest(name: string, wantReply: boolean, data?: Uint8Array): Buffer {
  const writer = writeString(new ByteWriter().uint8(number.globalRequest), name);
  return writeBoolean(writer, wantReply)
    .bytes(data ?? NOTHING)
    .toBuffer();
}

export function encodeRequestSuccess(data?: Uint8Array): Buffer {
  return new ByteWriter()
    .uint8(number.requestSuccess)
    .bytes(data ?? NOTHING)
    .toBuffer();
}

export function encodeRequestFailure(): Buffer {
  return Buffer.of(number.requestFailure);
}

const NOTHING = Buffer.alloc(0);

/** Where a port is listened on: of `tcpip-forward` and `cancel-tcpip-forward` (section 7.1). An empty host is all addresses. */
export interface ListenAddress {
  readonly host: string;
  /** 0 asks for any that is free; the answer says which. */
  readonly port: number;
}

export function decodeListenAddress(data: Buffer): ListenAddress {
  const reader = new ByteReader(data);
  const address = { host: readPlain(reader), port: readPort(reader) };
  reader.end();
  return address;
}

/** The port of an answer to `tcpip-forward` that asked for any. */
export function decodeBoundPort(data: Buffer): number {
  const reader = new ByteReader(data);
  const port = readPort(reader);
  reader.end();
  return port;
}

/** The path of `streamlocal-forward@openssh.com` and its cancel (OpenSSH's PROTOCOL, section 2.4). */
export function decodeListenPath(data: Buffer): string {
  const reader = new ByteReader(data);
  const path = readPlain(reader);
  reader.end();
  return path;
}
