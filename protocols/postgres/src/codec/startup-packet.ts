import { GatehouseError } from "@gatehouse/core";
import { ByteReader, ByteWriter } from "@gatehouse/wire";

/*
 * The first packet of a connection has no type byte (PostgreSQL documentation, "Message Formats"):
 *
 *   Int32   length, of itself and the rest
 *   Int32   code: 80877103 SSLRequest, 80877104 GSSENCRequest, 80877102 CancelRequest,
 *           otherwise the protocol's version: major in the high, minor in the low 16 bits
 *
 * StartupMessage goes on with pairs of String name, String value, and a zero byte at the end.
 * CancelRequest goes on with Int32 process id, Byte n secret key.
 */
const SSL_REQUEST = 80877103;
const GSSENC_REQUEST = 80877104;
const CANCEL_REQUEST = 80877102;

/** PostgreSQL's own bound (MAX_STARTUP_PACKET_LENGTH). */
export const MAX_STARTUP_PACKET = 10_000;
const MIN_STARTUP_PACKET = 8;

export type StartupPacket =
  | { readonly kind: "ssl" }
  | { readonly kind: "gssenc" }
  | { readonly kind: "cancel"; readonly processId: number; readonly secretKey: Buffer }
  | {
      readonly kind: "startup";
      readonly major: number;
      readonly minor: number;
      readonly parameters: ReadonlyMap<string, string>;
    };

/**
 * The length of the packet that begins with these four bytes.
 * @throws GatehouseError PROTOCOL_VIOLATION when no start-up packet has it: this is not PostgreSQL's protocol.
 */
export function startupPacketLength(prefix: Buffer): number {
  const length = prefix.readInt32BE(0);
  if (length < MIN_STARTUP_PACKET || length > MAX_STARTUP_PACKET) {
    throw new GatehouseError("PROTOCOL_VIOLATION", "invalid length of startup packet");
  }
  return length;
}

/** @throws GatehouseError PROTOCOL_VIOLATION */
export function decodeStartupPacket(packet: Buffer): StartupPacket {
  const reader = new ByteReader(packet);
  reader.int32();
  const code = reader.int32();
  switch (code) {
    case SSL_REQUEST:
      reader.end();
      return { kind: "ssl" };
    case GSSENC_REQUEST:
      reader.end();
      return { kind: "gssenc" };
    case CANCEL_REQUEST:
      return { kind: "cancel", processId: reader.int32(), secretKey: reader.rest() };
    default:
      return {
        kind: "startup",
        major: code >>> 16,
        minor: code & 0xffff,
        // Other major versions may have another form; there is nothing to read in them.
        parameters: code >>> 16 === 3 ? readParameters(reader) : new Map(),
      };
  }
}

function readParameters(reader: ByteReader): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (let name = reader.cstring(); name !== ""; name = reader.cstring())
    parameters.set(name, reader.cstring());
  reader.end();
  return parameters;
}

export function encodeSslRequest(): Buffer {
  return new ByteWriter(8).int32(8).int32(SSL_REQUEST).toBuffer();
}

export function encodeCancelRequest(processId: number, secretKey: Uint8Array): Buffer {
  return new ByteWriter(16)
    .int32(12 + secretKey.length)
    .int32(CANCEL_REQUEST)
    .int32(processId)
    .bytes(secretKey)
    .toBuffer();
}
