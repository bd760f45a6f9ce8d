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

/** @throws GatehouseError PROTOCOL_VIOLATION */
export function decodeBackendKeyData(body: Buffer): BackendKey {
  const reader = new ByteReader(body);
  return { processId: reader.int32(), secretKey: Buffer.from(reader.rest()) };
}

export function encodeBackendKeyData({ processId, secretKey }: BackendKey): Buffer {
  return frame("K", new ByteWriter().int32(processId).bytes(secretKey).toBuffer());
}
