import { ByteReader } from "@gatehouse/wire";

/*
 * RowDescription (B)
 *   Byte1('T')  Int32 length
 *   Int16       number of columns, and for each
 *     String    its name
 *     Int32     object id of the table that it comes from, or zero
 *     Int16     its number in that table, or zero
 *     Int32     object id of its type; of a domain's, the type below
 *     Int16     size of the type
 *     Int32     the type's modifier, or -1
 *     Int16     format: 0 text, 1 binary. Of a statement that is not bound yet, it is not known, and zero
 */
export interface RowColumn {
  readonly type: number;
  readonly modifier: number;
  readonly binary: boolean;
}

export interface DescribedColumn extends RowColumn {
  /** Object id of its table, and number in that: of a column that is computed, both are zero. */
  readonly relation: number;
  readonly column: number;
}

/** @throws GatehouseError PROTOCOL_VIOLATION */
export function decodeRowDescription(body: Buffer): readonly DescribedColumn[] {
  const reader = new ByteReader(body);
  const count = reader.uint16();
  const columns: DescribedColumn[] = [];
  while (columns.length < count) {
    reader.cstringBytes();
    const relation = reader.uint32();
    const column = reader.int16();
    const type = reader.uint32();
    reader.int16();
    columns.push({ relation, column, type, modifier: reader.int32(), binary: reader.int16() === 1 });
  }
  reader.end();
  return columns;
}
