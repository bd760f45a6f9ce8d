import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame } from "./framing.ts";

/*
 * ParameterStatus (B)
 *   Byte1('S')  Int32 length
 *   String      name of a setting
 *   String      its value now
 */
export interface ParameterStatus {
  readonly name: string;
  readonly value: string;
}

/** @throws GatehouseError PROTOCOL_VIOLATION */
export function decodeParameterStatus(body: Buffer): ParameterStatus {
  const reader = new ByteReader(body);
  const status = { name: reader.cstring(), value: reader.cstring() };
  reader.end();
  return status;
}

export function encodeParameterStatus({ name, value }: ParameterStatus): Buffer {
  return frame("S", new ByteWriter().cstring(name).cstring(value).toBuffer());
}
