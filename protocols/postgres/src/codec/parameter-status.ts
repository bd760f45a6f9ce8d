import { GatehouseError } from "@gatehouse/core";
import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame } from "./framing.ts";
import { type Decode, decodeUtf8 } from "./name.ts";

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

/**
 * @param decode reads the value, in the encoding of the session
 * @throws GatehouseError PROTOCOL_VIOLATION
 */
export function decodeParameterStatus(body: Buffer, decode: Decode = decodeUtf8): ParameterStatus {
  const reader = new ByteReader(body);
  const name = reader.cstring();
  const bytes = reader.cstringBytes();
  reader.end();
  const value = bytes.every((byte) => byte < 0x80) ? bytes.toString("latin1") : decode(bytes);
  if (value === undefined) {
    throw new GatehouseError(
      "PROTOCOL_VIOLATION",
      `The value of ${name} is no text in the session's encoding.`,
    );
  }
  return { name, value };
}

export function encodeParameterStatus({ name, value }: ParameterStatus): Buffer {
  return frame("S", new ByteWriter().cstring(name).cstring(value).toBuffer());
}
