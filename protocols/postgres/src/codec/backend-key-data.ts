import { GatehouseError } from "@gatehouse/core";
import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame } from "./framing.ts";

/*
 * BackendKeyData (B)
 *   Byte1('K')  Int32 length
 *   Int32       process id
 *   Byte n      secret key: four bytes up to protocol 3.0, up to 256 from 3.2
 */
export interface BackendKey {
  readonly processId: number;
  readonly secretKey: Buffer;
}

const MAX_SECRET_KEY = 256;

/** @throws GatehouseError PROTOCOL_VIOLATION */
export function decodeBackendKeyData(body: Buffer): BackendKey {
  const reader = new ByteReader(body);
  const processId = reader.int32();
  if (reader.remaining > MAX_SECRET_KEY) {
    throw new GatehouseError("PROTOCOL_VIOLATION", "invalid length of cancel key");
  }
  // It is kept as long as the session is: in bytes of its own, not in the chunk that it came in or in Node's pool.
  const secretKey = Buffer.alloc(reader.remaining);
  secretKey.set(reader.rest());
  return { processId, secretKey };
}

export function encodeBackendKeyData({ processId, secretKey }: BackendKey): Buffer {
  return frame("K", new ByteWriter().int32(processId).bytes(secretKey).toBuffer());
}
