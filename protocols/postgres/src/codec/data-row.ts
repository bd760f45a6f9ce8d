import { ByteReader } from "@gatehouse/wire";

/*
 * DataRow (B)
 *   Byte1('D')  Int32 length
 *   Int16       number of columns, and for each
 *     Int32     length in bytes; -1 for NULL, which has no bytes
 *     Byte n    value
 */

/**
 * The values of a row of the gateway's own asking; the rows of clients pass unread.
 * @throws GatehouseError PROTOCOL_VIOLATION
 */
export function decodeDataRow(body: Buffer): readonly (Buffer | null)[] {
  const reader = new ByteReader(body);
  const count = reader.uint16();
  const values: (Buffer | null)[] = [];
  while (values.length < count) {
    const length = reader.int32();
    values.push(length === -1 ? null : reader.bytes(length));
  }
  reader.end();
  return values;
}
