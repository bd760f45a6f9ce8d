import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame } from "./framing.ts";
import { type Decode, decodeUtf8, readName } from "./name.ts";

/*
 * Parse (F)
 *   Byte1('P')  Int32 length
 *   String      name of the prepared statement; empty for the unnamed one
 *   String      text
 *   Int16       number of parameter types given, and for each
 *     Int32     object id; zero leaves it to the server
 */
export interface Parse {
  readonly statement: string;
  /** In which encoding they are, only the session knows. */
  readonly text: Buffer;
  readonly parameterTypes: readonly number[];
}

/**
 * @param decode reads names, in the encoding of the session
 * @throws GatehouseError PROTOCOL_VIOLATION
 */
export function decodeParse(body: Buffer, decode: Decode = decodeUtf8): Parse {
  const reader = new ByteReader(body);
  const statement = readName(reader, decode);
  const text = reader.cstringBytes();
  const count = reader.uint16();
  const parameterTypes: number[] = [];
  while (parameterTypes.length < count) parameterTypes.push(reader.uint32());
  reader.end();
  return { statement, text, parameterTypes };
}

/** @param types of parameters by their place; those that are not there, or 0, are left to the server */
export function encodeParse(statement: string, text: string, types: readonly number[] = []): Buffer {
  const body = new ByteWriter().cstring(statement).cstring(text).int16(types.length);
  for (const type of types) body.uint32(type);
  return frame("P", body.toBuffer());
}
