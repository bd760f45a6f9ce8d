import { ByteReader } from "@gatehouse/wire";
import { readName } from "./name.ts";

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
  readonly text: string;
  readonly parameterTypes: readonly number[];
}

/** @throws GatehouseError PROTOCOL_VIOLATION */
export function decodeParse(body: Buffer): Parse {
  const reader = new ByteReader(body);
  const statement = readName(reader);
  const text = reader.cstring();
  const parameterTypes = Array.from({ length: reader.uint16() }, () => reader.uint32());
  reader.end();
  return { statement, text, parameterTypes };
}
