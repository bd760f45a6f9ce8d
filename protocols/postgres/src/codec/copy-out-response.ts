import { ByteReader } from "@gatehouse/wire";

/*
 * CopyOutResponse (B)
 *   Byte1('H')  Int32 length
 *   Int8        0 text (lines, whatever they look like), 1 binary
 *   Int16       number of columns, and for each
 *     Int16     its format: that of the whole
 */
export interface CopyOutResponse {
  readonly binary: boolean;
  readonly columns: number;
}

/** @throws GatehouseError PROTOCOL_VIOLATION */
export function decodeCopyOutResponse(body: Buffer): CopyOutResponse {
  const reader = new ByteReader(body);
  const binary = reader.uint8() === 1;
  const columns = reader.uint16();
  for (let left = columns; left > 0; left--) reader.int16();
  reader.end();
  return { binary, columns };
}
