import { ByteReader } from "@gatehouse/wire";

/*
 * ParameterDescription (B)
 *   Byte1('t')  Int32 length
 *   Int16       number of parameters, and for each
 *     Int32     object id of its type
 */

/** @throws GatehouseError PROTOCOL_VIOLATION */
export function decodeParameterDescription(body: Buffer): readonly number[] {
  const reader = new ByteReader(body);
  const count = reader.uint16();
  const types: number[] = [];
  while (types.length < count) types.push(reader.uint32());
  reader.end();
  return types;
}
