import { GatehouseError } from "@gatehouse/core";
import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { number } from "./numbers.ts";
import { readName, readPlain, readPort, readText, writeString } from "./strings.ts";

/*
 * A channel is opened by either side (RFC 4254 section 5.1):
 *
 *   byte      90 SSH_MSG_CHANNEL_OPEN
 *   string    channel type
 *   uint32    sender channel
 *   uint32    initial window size
 *   uint32    maximum packet size
 *   ....      by the type
 *
 *   byte      91 SSH_MSG_CHANNEL_OPEN_CONFIRMATION
 *   uint32    recipient channel
 *   uint32    sender channel
 *   uint32    initial window size
 *   uint32    maximum packet size
 *   ....      by the type
 *
 *   byte      92 SSH_MSG_CHANNEL_OPEN_FAILURE
 *   uint32    recipient channel
 *   uint32    reason code
 *   string    description
 *   string    language tag
 */

/** What one side of a channel is ready to take. */
export interface Terms {
  /** The channel's number at the side that says so. */
  readonly channel: number;
  /** Bytes of data until it says more. */
  readonly window: number;
  /** Bytes of data in one message. */
  readonly packet: number;
}

export interface ChannelOpen extends Terms {
  readonly type: string;
  readonly data: Buffer;
}

export interface OpenConfirmation extends Terms {
  readonly recipient: number;
  readonly data: Buffer;
}

/** Why a channel is not opened (section 5.1). */
export const openFailure = {
  prohibited: 1,
  connectFailed: 2,
  unknownType: 3,
  resourceShortage: 4,
} as const;

export interface OpenFailure {
  readonly reason: number;
  readonly description: string;
}

/** Below this a channel would be nothing but headers: a peer could have each byte cost a packet. */
const LEAST_PACKET = 1024;

export function decodeChannelOpen(payload: Buffer): ChannelOpen {
  const reader = new ByteReader(payload.subarray(1));
  return { type: readName(reader), ...readTerms(reader), data: reader.rest() };
}

export function encodeChannelOpen(type: string, terms: Terms, data: Uint8Array): Buffer {
  const writer = writeString(new ByteWriter().uint8(number.channelOpen), type);
  return writeTerms(writer, terms).bytes(data).toBuffer();
}

export function decodeOpenConfirmation(payload: Buffer): OpenConfirmation {
  const reader = new ByteReader(payload.subarray(1));
  return { recipient: reader.uint32(), ...readTerms(reader), data: reader.rest() };
}

export function encodeOpenConfirmation(recipient: number, terms: Terms): Buffer {
  return writeTerms(
    new ByteWriter(32).uint8(number.channelOpenConfirmation).uint32(recipient),
    terms,
  ).toBuffer();
}

export function decodeOpenFailure(payload: Buffer): OpenFailure & { readonly recipient: number } {
  const reader = new ByteReader(payload.subarray(1));
  const failure = { recipient: reader.uint32(), reason: reader.uint32(), description: readText(reader) };
  readText(reader);
  reader.end();
  return failure;
}

export function encodeOpenFailure(recipient: number, { reason, description }: OpenFailure): Buffer {
  const writer = new ByteWriter().uint8(number.channelOpenFailure).uint32(recipient).uint32(reason);
  return writeString(writeString(writer, description), "").toBuffer();
}

function readTerms(reader: ByteReader): Terms {
  const terms = { channel: reader.uint32(), window: reader.uint32(), packet: reader.uint32() };
  if (terms.packet < LEAST_PACKET)
    throw new GatehouseError("PROTOCOL_VIOLATION", "maximum packet size is too small");
  return terms;
}

function writeTerms(writer: ByteWriter, { channel, window, packet }: Terms): ByteWriter {
  return writer.uint32(channel).uint32(window).uint32(packet);
}

/** Where a connection is to go, or came from: of `direct-tcpip` and `forwarded-tcpip` (section 7.2). */
export interface TcpRoute {
  /** To connect to; of `forwarded-tcpip`, what was connected to. */
  readonly host: string;
  readonly port: number;
  readonly originHost: string;
  readonly originPort: number;
}

export function decodeTcpRoute(data: Buffer): TcpRoute {
  const reader = new ByteReader(data);
  const route = {
    host: readPlain(reader),
    port: readPort(reader),
    originHost: readPlain(reader),
    originPort: readPort(reader),
  };
  reader.end();
  return route;
}

/** The path of `direct-streamlocal@openssh.com` and `forwarded-streamlocal@openssh.com` (OpenSSH's PROTOCOL, section 2.4). */
export function decodeSocketPath(data: Buffer, direction: "direct" | "forwarded"): string {
  const reader = new ByteReader(data);
  const path = readPlain(reader);
  readText(reader);
  if (direction === "direct") reader.uint32();
  reader.end();
  return path;
}
